"""The trace on networks of every make: what it sees, how often it runs, and that it leaves no mark."""

import math
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.proxies import DIMENSIONS, PROXIES, Trace, trace
from coernas_moo.proxies.observe import NONLINEARITIES
from coernas_moo.testing.proxies import EVERYTHING


class ResidualBlock(nn.Module):
    def __init__(self, width: int, functional: bool = False, inplace: bool = False) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.act = None if functional else nn.ReLU(inplace)
        self.inplace = inplace and functional

    def relu(self, x: Tensor) -> Tensor:
        return F.relu(x, self.inplace) if self.act is None else self.act(x)

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out += x
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, channels: int = 3, **options: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, padding=1)
        self.layer1 = nn.Sequential(ResidualBlock(8, **options), ResidualBlock(8, **options))
        self.layer2 = nn.ModuleList([nn.Sequential(ResidualBlock(8, **options))])
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.stem(x))
        for layer in self.layer2:
            x = layer(x)
        return self.head(x.mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.position = nn.Parameter(torch.zeros(4, 12))
        self.layers = nn.ModuleList([TransformerBlock(12), TransformerBlock(12)])
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


class TransformerBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 3, batch_first=True, dropout=0.1)
        self.up, self.gelu, self.down = nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y)[0]
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class DeadBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused, self.never = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.act, self.head = nn.ReLU(), nn.Linear(4 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.unused(x)
        return self.head(self.act(self.used(x)).flatten(1))


class Pair(nn.Module):
    """Blocks and the network itself return tuples."""

    class Inner(nn.Module):
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.map = nn.Sequential(nn.Linear(inputs, 6), nn.Tanh())

        def forward(self, x: Tensor) -> tuple[Tensor, int]:
            return self.map(x), 3

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = Pair.Inner(192), Pair.Inner(6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.head(self.second(self.first(x.flatten(1))[0])[0]), None


def chain(act: Callable[[], nn.Module] | None, channels: int = 3, norm: bool = True) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs in (channels, 6):
        layers += [
            nn.Conv2d(inputs, 6, 3, padding=1),
            *([nn.BatchNorm2d(6)] if norm else []),
            *([act()] if act else []),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))


# Network, input channels, feature maps, nonlinearity inputs, weights with a path to the loss.
ZOO: dict[str, tuple[Callable[[], nn.Module], int, int, int, int]] = {
    "resnet": (ResNet, 3, 3, 6, 8),
    "resnet with functions": (lambda: ResNet(functional=True), 3, 3, 6, 8),
    "resnet in place": (lambda: ResNet(inplace=True), 3, 3, 6, 8),
    "resnet with functions in place": (lambda: ResNet(functional=True, inplace=True), 3, 3, 6, 8),
    "one channel": (lambda: ResNet(channels=1), 1, 3, 6, 8),
    "transformer": (Transformer, 3, 2, 2, 10),
    "torch's transformer": (
        lambda: nn.Sequential(
            nn.Flatten(2), nn.Linear(64, 8), nn.TransformerEncoderLayer(8, 2, 16), nn.Flatten(), nn.Linear(24, 4)
        ),
        *(3, 1, 1, 6),
    ),
    "silu": (lambda: chain(nn.SiLU), 3, 2, 2, 3),
    "hardswish": (lambda: chain(nn.Hardswish), 3, 2, 2, 3),
    "relu in place": (lambda: chain(lambda: nn.ReLU(inplace=True)), 3, 2, 2, 3),
    "no norm": (lambda: chain(nn.ReLU, norm=False), 3, 2, 2, 3),
    "no nonlinearity": (lambda: chain(None), 3, 2, 0, 3),
    "dead branch": (DeadBranch, 3, 1, 1, 2),
    "mlp": (mlp, 3, 2, 2, 3),
    "tuples": (Pair, 3, 2, 2, 3),
    "wrapped": (lambda: nn.Sequential(nn.Sequential(ResNet())), 3, 3, 6, 8),
}
zoo = pytest.mark.parametrize("name", ZOO)


def run(network: nn.Module, channels: int = 3, needs: tuple = EVERYTHING, batch: int = 8) -> Trace:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(batch, channels, 8, 8, generator=generator)
    return trace(network, images, torch.randint(0, 4, (batch,), generator=generator), needs=needs)


def made(name: str) -> tuple[nn.Module, int]:
    build, channels, *_ = ZOO[name]
    network = build()
    he_init(network, torch.Generator().manual_seed(0))
    return network, channels


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


@zoo
def test_module_comes_back_unchanged(name: str) -> None:
    network, channels = made(name)
    network.register_buffer("counter", torch.zeros(3))
    network.eval()
    first = next(network.parameters())
    first.requires_grad_(False)
    first.grad = torch.ones_like(first)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [
        (m.training, dict(m.__dict__).get("inplace"), getattr(m, "track_running_stats", None))
        for m in network.modules()
    ]
    random_state = torch.get_rng_state()
    run(network, channels)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert modes == [
        (m.training, dict(m.__dict__).get("inplace"), getattr(m, "track_running_stats", None))
        for m in network.modules()
    ]
    assert torch.equal(random_state, torch.get_rng_state())
    assert not first.requires_grad
    assert all(p.requires_grad for p in network.parameters() if p is not first)
    assert torch.equal(first.grad, torch.ones_like(first))
    assert all(p.grad is None for p in network.parameters() if p is not first)
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in network.modules())


def test_buffers_that_a_forward_replaces_or_overwrites_are_restored() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("replaced", torch.zeros(1))
            self.register_buffer("overwritten", torch.zeros(1))
            self.body = mlp()

        def forward(self, x: Tensor) -> Tensor:
            self.replaced = self.replaced + 1
            self.overwritten += 1
            return self.body(x)

    network = Counting()
    run(network)
    assert network.replaced.item() == 0
    assert network.overwritten.item() == 0


def test_one_forward_and_one_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _ = made("resnet")
    calls = {"forward": 0, "backward": 0}
    network.register_forward_pre_hook(lambda *_: calls.__setitem__("forward", calls["forward"] + 1))
    network.stem.weight.register_hook(lambda _: calls.__setitem__("backward", calls["backward"] + 1))
    engine = torch.autograd.grad
    passes = []
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or engine(*a, **k))
    run(network)
    assert (calls["forward"], len(passes)) == (1, 1)
    assert calls["backward"] <= 1


def test_hooks_are_gone_after_a_forward_that_raises() -> None:
    network, _ = made("resnet")
    network.eval()
    with pytest.raises(RuntimeError):
        run(network, channels=2)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert not any(m.training for m in network.modules())
    assert all(m.track_running_stats for m in network.modules() if isinstance(m, nn.BatchNorm2d))


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
