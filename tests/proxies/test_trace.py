"""The trace on networks of every make: what it sees."""

import math
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo import ZOO, DeadBranch, ResidualBlock, Transformer, made, run

from coernas_moo.errors import CoernasError
from coernas_moo.proxies import DIMENSIONS, PROXIES
from coernas_moo.proxies.observe import NONLINEARITIES

zoo = pytest.mark.parametrize("name", ZOO)


@zoo
def test_sees_what_is_there(name: str) -> None:
    network, channels = made(name)
    found = run(network, channels)
    _, _, maps, inputs, weights = ZOO[name]
    assert (len(found.feature_maps), len(found.nonlinearity_inputs), len(found.weights)) == (maps, inputs, weights)
    assert len(found.feature_gradients) == maps
    for values, gradient in zip(found.feature_maps, found.feature_gradients, strict=True):
        assert values.values.shape == gradient.values.shape
    assert all(w.shape == g.shape for w, g in zip(found.weights, found.weight_gradients, strict=True))
    assert found.input_gradient is not None
    assert found.input_gradient.abs().sum() > 0
    assert all(math.isfinite(PROXIES[dimension](found)) for dimension in DIMENSIONS)


@zoo
def test_gradients_are_those_of_plain_training(name: str) -> None:
    network, channels = made(name)
    twin = deepcopy(network)
    torch.manual_seed(5)
    found = run(network, channels)
    torch.manual_seed(5)
    generator = torch.Generator().manual_seed(1)
    returned = twin.train()(torch.randn(8, channels, 8, 8, generator=generator))
    scores = returned[0] if isinstance(returned, tuple) else returned
    loss = F.cross_entropy(scores, torch.randint(0, 4, (8,), generator=generator))
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-6)
    expected = {id(w): p.grad for w, p in zip(network.parameters(), twin.parameters(), strict=True)}
    by_storage = {p.data_ptr(): expected[id(p)] for p in network.parameters()}
    for weight, gradient in zip(found.weights, found.weight_gradients, strict=True):
        torch.testing.assert_close(gradient, by_storage[weight.data_ptr()], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("one", "other"), [("resnet", "resnet with functions"), ("resnet", "resnet in place")])
def test_style_of_writing_does_not_matter(one: str, other: str) -> None:
    first, second = (run(*made(name)) for name in (one, other))
    for dimension in DIMENSIONS:
        assert PROXIES[dimension](first) == pytest.approx(PROXIES[dimension](second), rel=1e-6)


@pytest.mark.parametrize("kind", NONLINEARITIES, ids=lambda kind: kind.__name__)
def test_every_nonlinearity_counts_as_module_and_as_function(kind: type[nn.Module]) -> None:
    act = kind(-0.5, 0.0) if kind is nn.Threshold else kind()
    width = 3 if kind is nn.GLU else 6

    class Custom(nn.Sequential):
        """Not one of torch's own, so that functions are watched."""

    for container in (nn.Sequential, Custom):
        network = container(nn.Flatten(), nn.Linear(192, 6), act, nn.Linear(width, 4))
        assert len(run(network).nonlinearity_inputs) == 1


def test_a_tensor_consumed_twice_is_one_object_counted_twice() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.a, self.b, self.head = nn.Linear(192, 5), nn.ReLU(), nn.Tanh(), nn.Linear(5, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.body(x.flatten(1))
            return self.head(self.a(x) + self.b(x))

    first, second = run(Fork()).nonlinearity_inputs
    assert first is second


def test_features_are_those_before_overwriting() -> None:
    class Overwriting(nn.Module):
        def __init__(self, inplace: bool) -> None:
            super().__init__()
            self.block = nn.Sequential(ResidualBlock(3))
            self.act, self.head = nn.ReLU(inplace), nn.Linear(192, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.block(x) - 0.5
            return self.head(self.act(x).flatten(1))

    results = []
    for inplace in (False, True):
        torch.manual_seed(0)
        results.append(run(Overwriting(inplace)))
    plain, inplace_ = results
    for a, b in zip(plain.nonlinearity_inputs, inplace_.nonlinearity_inputs, strict=True):
        assert torch.equal(a.values, b.values)
    assert plain.nonlinearity_inputs[-1].values.min() < 0


def test_macs_of_what_reaches_the_loss() -> None:
    assert run(DeadBranch()).macs == 3 * 4 * 9 * 36 + 4 * 36 * 4
    block = 12 * 12 * 4 + 2 * 12 * 24
    assert run(Transformer()).macs == 3 * 16 * 12 * 4 + 2 * 4 * block + 12 * 4


def test_macs_agree_with_torch_flop_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, 1, groups=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 6, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 25, 4)),
    )
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(8, 3, 8, 8))
    assert run(network).macs * 8 == counter.get_total_flops() // 2


def test_channels_are_found_in_every_layout() -> None:
    tokens = run(made("transformer")[0])
    assert [m.rows.shape[1] for m in tokens.feature_maps] == [12, 12]
    assert [m.rows.shape[1] for m in tokens.nonlinearity_inputs] == [24, 24]
    signal = nn.Sequential(
        nn.Flatten(2), nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), nn.ReLU(), nn.Flatten(), nn.Linear(310, 4)
    )
    assert run(signal).nonlinearity_inputs[0].rows.shape == (8 * 62, 5)


def test_parts_not_asked_for_are_empty() -> None:
    network, _ = made("resnet")
    bare = run(network, needs=())
    assert [*bare.feature_maps, *bare.nonlinearity_inputs, *bare.feature_gradients, *bare.weight_gradients] == []
    assert bare.input_gradient is None
    assert (bare.macs, math.isfinite(bare.loss)) == (0, True)
    assert run(network, needs=("macs",)).macs == run(network).macs


def test_nan_loss_gives_nan_and_no_error() -> None:
    network, _ = made("resnet")
    with torch.no_grad():
        network.stem.weight.fill_(math.nan)
    found = run(network)
    assert math.isnan(found.loss)
    assert all(math.isnan(PROXIES[name](found)) for name in ("robustness", "isotropy", "uncertainty"))


@pytest.mark.parametrize("returns", [lambda x: None, lambda x: x, lambda x: x.flatten(1)[:, :2]])
def test_wrong_output_is_an_error_of_ours(returns: Callable[[Tensor], object]) -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> object:
            return returns(x)

    with pytest.raises(CoernasError, match=r"class scores|classes"):
        run(Wrong())
