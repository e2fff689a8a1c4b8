"""Parameters and MACs of a network small enough to count by hand."""

from torch import Tensor, nn

from coernas_moo.proxies import PROXIES, trace

# stem 4x2x9 + bias 4; units 4x4x9, 6x4x9, 6x6x9 with norms 2x4, 2x6, 2x6; linear 6x3 + 3
PARAMS = 72 + 4 + 144 + 8 + 216 + 12 + 324 + 12 + 18 + 3
MACS = 36 * 72 + 36 * 144 + 9 * 216 + 9 * 324 + 18


def test_parameters(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    assert PROXIES["params"](network, images, labels) == PARAMS


def test_shared_parameters_count_once(images: Tensor, labels: Tensor) -> None:
    layer = nn.Linear(4, 4)
    assert PROXIES["params"](nn.Sequential(layer, nn.ReLU(), layer), images, labels) == 20


def test_macs(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    recorded = trace(network, images, labels, needs=("macs",))
    assert PROXIES["flops"](recorded) == PROXIES["az_complexity"](recorded) == MACS
