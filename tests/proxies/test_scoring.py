"""`score` against the formulas written plainly, and its promises: deterministic, harmless, clear about errors."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, Network, NetworkPlan
from coernas_moo.proxies import DIMENSIONS, repeat_seed, score


def plan(width: int = 8, depth: int = 2) -> NetworkPlan:
    unit = Chain((ReLU(), Conv(width, width, 3), BatchNorm(width)), shortcut=True)
    return NetworkPlan(
        Shape(3, 8, 8),
        (
            Block("stem", "conv", Chain((Conv(3, width, 3), BatchNorm(width)))),
            *(Block(f"unit{i}", "residual", unit) for i in range(depth)),
            Block("down", "conv", Chain((ReLU(), Conv(width, 2 * width, 1, stride=2), BatchNorm(2 * width)))),
            Block("head", "linear", Chain((ReLU(), GlobalAveragePool(), Linear(2 * width, 5))), observed=False),
        ),
    )


def by_the_formulas(network: Network, classes: int, shape: Shape, batch: int, seed: int) -> dict[str, float]:
    """Every reading of the dimensions, from plain autograd on a chain of modules, statistics by singular values."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    images = torch.randn(batch, *shape)
    labels = torch.randint(0, classes, (batch,))
    inputs: list[torch.Tensor] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, args: inputs.append(args[0].detach()))
        for module in network.modules()
        if isinstance(module, nn.ReLU)
    ]
    outputs = []
    x = images
    for module in network.train().chain.values():
        x = module(x)
        outputs.append(x)
    for hook in hooks:
        hook.remove()
    blocks = outputs[:-1]
    for output in blocks:
        output.retain_grad()
    network.zero_grad()
    F.cross_entropy(x, labels).backward()
    gradients = [m.weight.grad for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]

    def spectra_of(maps: list[torch.Tensor]) -> list[np.ndarray]:
        spectra = []
        for values in maps:
            rows = values.detach().double().movedim(1, -1).flatten(0, -2).numpy()
            assert rows.shape[1] < rows.shape[0] <= 2048
            power = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
            spectra.append(power / power.sum())
        return spectra

    def fill(maps: list[torch.Tensor]) -> float:
        ranks = [math.exp(-(p[p > 0] * np.log(p[p > 0])).sum()) / len(p) for p in spectra_of(maps)]
        return float(np.mean(ranks))

    def sphericity(maps: list[torch.Tensor]) -> float:
        return float(np.mean([np.log(p * len(p) + 0.001).mean() for p in spectra_of(maps)]))

    norms = [float(g.norm()) for g in gradients]
    width = float(np.mean([math.log(output.shape[1]) for output in blocks]))
    return {
        "robustness": min(sphericity([output.grad for output in blocks]), math.log(0.7)) + width,
        "isotropy": sphericity(blocks) + sphericity(inputs) + 2 * width,
        "uncertainty": -math.log(sum(norms) / len(norms)) + 2 * width,
        "regularity": math.log(plan_of(network).macs()),
        "robustness_rank": fill([output.grad for output in blocks]),
        "isotropy_rank": fill(blocks) + fill(inputs),
        "uncertainty_sum": -sum(math.log(n) for n in norms),
        "uncertainty_mean": -float(
            np.mean([math.log(n / g.numel() ** 0.5) for n, g in zip(norms, gradients, strict=True)])
        ),
    }


def plan_of(network: Network) -> NetworkPlan:
    width = network.chain["stem"][0].out_channels
    return plan(width, depth=len(network.chain) - 3)


@pytest.mark.parametrize(("width", "depth", "seed"), [(4, 1, 0), (8, 2, 1), (12, 3, 2)])
def test_agrees_with_the_formulas(width: int, depth: int, seed: int) -> None:
    network = plan(width, depth).build()
    he_init(network)
    expected = by_the_formulas(network, 5, Shape(3, 8, 8), batch=16, seed=seed)
    result = score(network, (3, 8, 8), 5, batch=16, seed=seed, proxies=list(expected))
    assert result.values == pytest.approx(expected, rel=1e-4)
    assert tuple(score(network, (3, 8, 8), 5, batch=16).values) == DIMENSIONS
    assert result.params == plan(width, depth).params()
    assert result.macs == plan(width, depth).macs()


@pytest.mark.parametrize("restore", [True, False])
def test_same_arguments_same_score(restore: bool) -> None:
    torch.manual_seed(7)
    first = score(plan().build(), (3, 8, 8), 5, seed=3, restore=restore)
    torch.manual_seed(8)
    again = plan().build()
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.fill_(0.3)
    assert score(again, (3, 8, 8), 5, seed=3, restore=restore) == first
    assert score(again, (3, 8, 8), 5, seed=4)["isotropy"] != first["isotropy"]


def test_dropout_is_part_of_the_seed() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))
    values = [score(network, (3, 2, 2), 3) for _ in range(2)]
    assert values[0] == values[1]


def test_weights_and_random_state_come_back() -> None:
    network = plan().build()
    he_init(network)
    network.eval()
    state = {key: value.clone() for key, value in network.state_dict().items()}
    storage = [parameter.data_ptr() for parameter in network.parameters()]
    random_state = torch.get_rng_state()
    score(network, (3, 8, 8), 5)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert storage == [parameter.data_ptr() for parameter in network.parameters()]
    assert torch.equal(random_state, torch.get_rng_state())
    assert not network.training


def test_weights_come_back_after_an_error() -> None:
    network = plan().build()
    he_init(network)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(RuntimeError):
        score(network, (4, 8, 8), 5)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


class Mixed(nn.Module):
    """Layers that he_init says nothing of, and a layer that works in place on the images."""

    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.ReLU(inplace=True)
        self.codes = nn.Embedding(12, 6)
        self.memory = nn.LSTM(6, 8, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = (self.activation(images).flatten(1) * 3).long().clamp(0, 11)
        return self.head(self.memory(self.codes(tokens))[0][:, -1])


@pytest.mark.parametrize("make", [Mixed, lambda: spectral(), lambda: weight_normed()])
def test_the_weights_that_layers_come_with_do_not_matter(make: Callable[[], nn.Module]) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        module = make()
        # A power iteration starts from vectors that the module holds: buffers are taken as they are.
        for buffer in module.buffers():
            buffer.fill_(0.5)
        before = {name: value.clone() for name, value in module.state_dict().items()}
        found += [score(module, (3, 4, 4), 5, batch=4, seed=3).values for _ in range(2)]
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert found[0] == found[1] == found[2] == found[3]


def spectral() -> nn.Module:
    return nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(3, 6, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5))


def weight_normed() -> nn.Module:
    return nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 6, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5))


def test_a_layer_that_works_in_place_leaves_the_images_alone() -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 5))
    images = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    names = ("uncertainty", "jacob_cov", "lcmnas", "snip")
    both = score(module, (3, 4, 4), 5, images=images, proxies=names, repeats=2).values
    assert torch.equal(images, before)
    apart = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(48, 5))
    assert both == score(apart, (3, 4, 4), 5, images=images, proxies=names, repeats=2).values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda module: {"module": module.double()}, "parameters that are not torch.float32"),
        (lambda module: {"module": torch.jit.script(module)}, "scripted, which hides its layers"),
        (lambda module: {"module": module, "images": np.zeros((4, 3, 4, 4))}, "must be a tensor, not ndarray"),
        (lambda module: {"module": nn.Sequential(module, Complex())}, "no tensor of real numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_modules_that_cannot_be_scored_are_told(change: Callable[[nn.Module], dict], message: str) -> None:
    with pytest.raises(CoernasError, match=message):
        score(input_shape=(3, 4, 4), classes=5, **change(nn.Sequential(nn.Flatten(), nn.Linear(48, 5))))


class Complex(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.complex(values, values)


def test_repeats_are_averaged() -> None:
    network = plan().build()
    seeds = [repeat_seed(5, repeat) for repeat in range(3)]
    assert seeds[0] == 5
    assert len(set(seeds)) == 3
    single = [score(network, (3, 8, 8), 5, seed=seed)["uncertainty"] for seed in seeds]
    assert score(network, (3, 8, 8), 5, seed=5, repeats=3)["uncertainty"] == pytest.approx(np.mean(single))


def test_given_images_are_used() -> None:
    network = plan().build()
    images = torch.zeros(16, 3, 8, 8)
    images[:8] = 1
    given = score(network, (3, 8, 8), 5, images=images)
    assert given["isotropy"] != score(network, (3, 8, 8), 5, batch=16)["isotropy"]
    assert given == score(network, (3, 8, 8), 5, images=images, batch=999)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 1}, "batch must be at least 2"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"seed": -1, "repeats": 2}, "seed must be 0 to"),
        ({"seed": 2**63}, "seed must be 0 to"),
        ({"proxies": ["robustnes"]}, "did you mean 'robustness'"),
        ({"images": torch.zeros(4, 3, 9, 9)}, "images must have shape"),
    ],
)
def test_refuses(arguments: dict, message: str) -> None:
    with pytest.raises(CoernasError, match=message):
        score(plan().build(), (3, 8, 8), 5, **arguments)


@pytest.mark.parametrize("classes", [2, 4, 6, 500])
@pytest.mark.parametrize("proxies", [DIMENSIONS, ["grasp"]])
def test_refuses_any_other_number_of_outputs_than_classes(classes: int, proxies: list[str]) -> None:
    with pytest.raises(CoernasError, match=f"the network gives 5 class scores, not the {classes} of `classes`"):
        score(plan().build(), (3, 8, 8), classes, batch=2, proxies=proxies)


def test_the_largest_seed_is_a_seed() -> None:
    result = score(plan().build(), (3, 8, 8), 5, seed=2**63 - 1, repeats=2)
    assert all(math.isfinite(value) for value in result.values.values())


def test_he_init_covers_attention_and_norms() -> None:
    network = nn.TransformerEncoderLayer(64, 4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(math.nan)
    he_init(network, torch.Generator().manual_seed(0))
    assert network.self_attn.in_proj_weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.05)
    assert network.self_attn.in_proj_bias.abs().sum() == 0
    assert torch.equal(network.norm1.weight, torch.ones(64))
    assert all(parameter.isfinite().all() for parameter in network.parameters())
