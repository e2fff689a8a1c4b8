from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn


class Unit(nn.Module):
    """Nonlinearity, convolution, batch norm; a shortcut where the shape is kept."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(self.relu(x)))
        return x + y if x.shape == y.shape else y


@pytest.fixture
def network() -> nn.Module:
    """Three units, the middle one halves the resolution; double precision."""
    torch.manual_seed(0)
    head = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    return nn.Sequential(nn.Conv2d(2, 4, 3, 1, 1), Unit(4, 4), Unit(4, 6, 2), Unit(6, 6), *head).double()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(6, 2, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([0, 1, 2, 0, 2, 1])
