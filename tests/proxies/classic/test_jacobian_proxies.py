"""Proxies made of derivatives of the class scores, against explicit Jacobians."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coernas_moo.proxies import PROXIES


def test_jacob_cov_and_lcmnas(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    jacobian = torch.autograd.functional.jacobian(network, images)  # (n, classes, n, c, h, w)
    rows = jacobian.sum(dim=(0, 1)).flatten(1).numpy()
    eigenvalues = np.linalg.eigvals(np.corrcoef(rows)).real
    expected = sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in eigenvalues)
    assert PROXIES["jacob_cov"](network, images, labels) == pytest.approx(-expected)
    assert PROXIES["lcmnas"](network, images, labels) == pytest.approx(1e4 / expected)


def test_a_network_that_ignores_its_input_is_lowest(images: Tensor, labels: Tensor) -> None:
    class Ignorant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Parameter(torch.ones(3, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return self.scores + x.mean() * 0 + torch.zeros(len(x), 1)

    assert PROXIES["jacob_cov"](Ignorant(), images, labels) == -math.inf
    assert PROXIES["lcmnas"](Ignorant(), images, labels) == 0.0


def test_vkdnw(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    parameters = list(network.parameters())
    network.eval()
    fisher = np.zeros((len(parameters), len(parameters)))
    for image in images:
        scores = network(image[None])[0]
        rows = []
        for score in scores:
            found = torch.autograd.grad(score, parameters, retain_graph=True)
            rows.append([float(g.flatten()[0]) for g in found])
        p = scores.detach().softmax(0).numpy() * 0.95 + 0.05 / 3
        covariance = np.diag(p) - np.outer(p, p)
        fisher += np.array(rows).T @ covariance @ np.array(rows) / len(images)
    deciles = np.quantile(np.maximum(np.linalg.eigvalsh(fisher), 0), [0.1 * k for k in range(1, 10)])
    q = deciles / deciles.sum()
    expected = len(parameters) - sum(v * math.log(v) for v in q if v > 0)
    assert 0 < expected - len(parameters) < math.log(9)
    assert PROXIES["vkdnw"](network, images, labels) == pytest.approx(expected, abs=1e-6)
