"""The four terms of AZ-NAS against numpy and loops, and its fusion."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from coernas_moo.proxies import PROXIES, fuse, trace


def block_outputs(network: nn.Module, images: Tensor) -> list[Tensor]:
    """What the three units return; the network's first layer is no block."""
    outputs, x = [], images
    for index, module in enumerate(network):
        x = module(x)
        if index in (1, 2, 3):
            outputs.append(x)
    return outputs


def entropy(features: Tensor) -> float:
    rows = features.detach().movedim(1, -1).flatten(0, 2).numpy()
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
    p = eigenvalues / eigenvalues.sum()
    return float(-np.sum(p * np.log(p + 1e-8)))


def test_expressivity_and_progressivity(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    first, second, third = (entropy(features) for features in block_outputs(network, images))
    recorded = trace(network, images, labels, needs=("feature_maps",))
    assert PROXIES["az_expressivity"](recorded) == pytest.approx(first + second + third)
    assert PROXIES["az_progressivity"](recorded) == pytest.approx(min(second - first, third - second))


def test_a_constant_map_is_lowest(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    nn.init.zeros_(network[2].norm.weight)
    recorded = trace(network, images, labels, needs=("feature_maps",))
    assert PROXIES["az_expressivity"](recorded) == PROXIES["az_progressivity"](recorded) == -math.inf


def test_trainability(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    first, second, third = block_outputs(network, images)
    torch.manual_seed(13)
    values = []
    for before, after in ((first, second), (second, third)):
        signs = torch.randint(0, 2, after.shape).double() * 2 - 1
        carried = torch.autograd.grad(after, before, signs, retain_graph=True)[0].numpy()
        stride = before.shape[2] // after.shape[2]
        jacobian = np.zeros((before.shape[1] * stride**2, after.shape[1]))
        for n, y, x in np.ndindex(len(images), after.shape[2], after.shape[3]):
            window = carried[n, :, y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
            jacobian += np.outer(window.flatten(), signs[n, :, y, x].numpy())
        largest = np.linalg.svd(jacobian / (len(images) * after.shape[2] * after.shape[3]), compute_uv=False)[0]
        values.append(-largest - 1 / (largest + 1e-6) + 2)
    assert PROXIES["az_trainability"](network, images, labels, seed=13) == pytest.approx(np.mean(values))


class Scale(nn.Module):
    """Multiplies by a number; counts as a block, for it holds a weight."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.idle = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.mark.parametrize(("factor", "expected"), [(0.5, -0.5), (2.0, -0.5), (-1.0, 0.0), (1.0, -math.inf)])
def test_trainability_is_best_for_a_singular_value_of_one(factor: float, expected: float) -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 1), Scale(3.0), Scale(factor), nn.Flatten(), nn.Linear(4 * 64**2, 3))
    images = torch.randn(8, 2, 64, 64)
    value = PROXIES["az_trainability"](network, images, torch.zeros(8, dtype=torch.int64))
    assert value == pytest.approx(expected, abs=0.05)


def test_the_fusion_is_the_geometric_mean_of_ranks() -> None:
    columns = np.random.default_rng(0).normal(size=(40, 4))
    columns[3] = columns[5]
    log_ranks = np.log(rankdata(columns, axis=0) / 40).sum(axis=1)
    assert fuse(columns, p=0.0) == pytest.approx(np.exp(log_ranks / 4), rel=1e-12)
