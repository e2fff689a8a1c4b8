"""Pooling units: what a gene of the pool segment chooses between; each halves the resolution, rounded up.

A pool has no trainable weight and its arithmetic does not count as MACs: MACs are those of trainable
convolutions and linear maps. A map of one position stays as it is in every space that uses pools.
A new one is a layer and a factory:

    @register_pool("min", "minimum")
    def min_pool(_channels: int) -> Layer:
        return MinPool()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.networks.layers import Keeps, Layer, Shape
from coernas_moo.networks.units import check_name
from coernas_moo.registry import Registry

PoolFactory = Callable[[int], Layer]
"""channels -> a layer that halves the resolution, rounded up."""


@dataclass(frozen=True)
class Pool:
    """An entry of `POOLS`; calling it makes the layer.

    Args:
        name: what a genotype's text and a problem file say.
        label: what tables and pictures say.
        factory: makes the layer.
        whole_map_as: name of a pool that computes the same on maps of at most two by two positions, where one
            window reads the whole map; spaces then keep one of the two there.
    """

    name: str
    label: str
    factory: PoolFactory
    whole_map_as: str | None = None

    def __call__(self, channels: int) -> Layer:
        """The layer for maps of `channels` channels."""
        return self.factory(channels)


POOLS: Registry[Pool] = Registry("pool", group="coernas_moo.pools")
"""Pooling units by the name that genotypes and problem files use."""


def register_pool(
    name: str, label: str | None = None, whole_map_as: str | None = None
) -> Callable[[PoolFactory], PoolFactory]:
    """Registers the decorated factory under `name`, shown to people as `label`; `whole_map_as` as in `Pool`.

    Raises:
        CoernasError: the name is taken, or cannot stand in a genotype's text.
    """
    check_name("pool", name)

    def add(factory: PoolFactory) -> PoolFactory:
        POOLS.add(name, Pool(name, label or name, factory, whole_map_as))
        return factory

    return add


def halved(shape: Shape) -> Shape:
    """`shape` at half the resolution, rounded up: every pool's output.

    Example:
        >>> str(halved(Shape(16, 7, 1)))
        '16x4x1'
    """
    return Shape(shape.channels, (shape.height + 1) // 2, (shape.width + 1) // 2)


class Halving(Keeps):
    """A layer without weights that halves the resolution, rounded up; a pool needs only its module."""

    def out_shape(self, shape: Shape) -> Shape:
        return halved(shape)


@dataclass(frozen=True)
class MaxPool(Halving):
    """Maximum of each 2x2 window; windows at an odd border are smaller."""

    def build(self) -> nn.Module:
        return nn.MaxPool2d(2, ceil_mode=True)


@dataclass(frozen=True)
class AveragePool(Halving):
    """Mean of each 2x2 window; windows at an odd border are smaller."""

    def build(self) -> nn.Module:
        return nn.AvgPool2d(2, ceil_mode=True)


@dataclass(frozen=True)
class MixedPool(Halving):
    """(maximum + mean) / 2 of each 2x2 window (Lee et al. 2016, mixed pooling with a = 1/2)."""

    def build(self) -> nn.Module:
        return MixedPooling()


@dataclass(frozen=True)
class L2Pool(Halving):
    """Root mean square of each 2x2 window."""

    def build(self) -> nn.Module:
        return L2Pooling()


@dataclass(frozen=True)
class BlurPool(Halving):
    """Binomial 4x4 low-pass filter, then every second position.

    The filter, [1, 3, 3, 1] / 8 along each side, is centred on the 2x2 window of the other pools; borders are repeated.
    Source: Zhang 2019, "Making convolutional networks shift-invariant again".
    """

    channels: int

    def build(self) -> nn.Module:
        return BlurPooling(self.channels)


class MixedPooling(nn.Module):
    """Module of `MixedPool`: (n, c, h, w) -> (n, c, ceil(h / 2), ceil(w / 2))."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * (F.max_pool2d(x, 2, ceil_mode=True) + F.avg_pool2d(x, 2, ceil_mode=True))


class L2Pooling(nn.Module):
    """Module of `L2Pool`: (n, c, h, w) -> (n, c, ceil(h / 2), ceil(w / 2))."""

    # The root's slope at zero is infinite: a window of zeros, common after ReLU, would make the gradient NaN.
    EPS = 1e-8

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt(F.avg_pool2d(x * x, 2, ceil_mode=True) + self.EPS)


class BlurPooling(nn.Module):
    """Module of `BlurPool`: (n, c, h, w) -> (n, c, ceil(h / 2), ceil(w / 2)); the filter is a buffer."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        side = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        # Constant, so no part of what is saved: networks that differ in their pools exchange weights.
        self.register_buffer("kernel", (side[:, None] * side).expand(channels, 1, 4, 4).clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 2, 1, 2), mode="replicate")
        return F.conv2d(padded, self.kernel, stride=2, groups=self.kernel.shape[0])


@register_pool("max", "max pool")
def max_pool(_channels: int) -> Layer:
    """Maximum of 2x2 windows."""
    return MaxPool()


@register_pool("avg", "average pool")
def average_pool(_channels: int) -> Layer:
    """Mean of 2x2 windows."""
    return AveragePool()


@register_pool("mix", "max-average pool")
def mixed_pool(_channels: int) -> Layer:
    """Mean of the maximum and the mean of 2x2 windows."""
    return MixedPool()


@register_pool("l2", "L2 pool")
def l2_pool(_channels: int) -> Layer:
    """Root mean square of 2x2 windows."""
    return L2Pool()


@register_pool("blur", "blur pool", whole_map_as="avg")
def blur_pool(channels: int) -> Layer:
    """Anti-aliased subsampling; on a map of at most 2x2 positions its window is the plain mean."""
    return BlurPool(channels)
