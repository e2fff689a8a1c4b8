"""Layers that well-known networks need and the search space does not."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Layer, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maximum over 3x3 windows with stride 2, padded by one: halves the resolution, rounded up."""

    def out_shape(self, shape: Shape) -> Shape:
        return Shape(shape.channels, (shape.height + 1) // 2, (shape.width + 1) // 2)

    def params(self) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0

    def build(self) -> nn.Module:
        return nn.MaxPool2d(3, stride=2, padding=1)


@dataclass(frozen=True)
class Projected(Layer):
    """`after(body(x) + shortcut(x))`: a residual block whose shortcut changes the shape (He et al. 2016, option B).

    Raises:
        CoernasError: asked for its output, the two branches do not agree.
    """

    body: Layer
    shortcut: Layer
    after: Layer

    def out_shape(self, shape: Shape) -> Shape:
        out, other = self.body.out_shape(shape), self.shortcut.out_shape(shape)
        if out != other:
            raise CoernasError(f"two branches are added but give {out} and {other}; make them agree")
        return self.after.out_shape(out)

    def params(self) -> int:
        return self.body.params() + self.shortcut.params() + self.after.params()

    def macs(self, shape: Shape) -> int:
        out = self.body.out_shape(shape)
        return self.body.macs(shape) + self.shortcut.macs(shape) + self.after.macs(out)

    def build(self) -> nn.Module:
        return ProjectedModule(self.body.build(), self.shortcut.build(), self.after.build())


class ProjectedModule(nn.Module):
    """Two branches added, then `after`."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        out: Tensor = self.after(y + self.shortcut(x))
        return out


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
) -> tuple[Layer, ...]:
    """Convolution, batch norm and, unless switched off, ReLU."""
    body = (Conv(in_channels, out_channels, kernel, stride, groups=groups), BatchNorm(out_channels))
    return (*body, ReLU()) if relu else body


def stem(layers: tuple[Layer, ...], label: str) -> Block:
    """The first block."""
    return Block("stem", label, Chain(layers))


def head(channels: int, classes: int) -> tuple[Block, Block]:
    """Global average pool and linear classifier."""
    return (
        Block("head.pool", "global average pool", GlobalAveragePool(), observed=False),
        Block("head.linear", "linear classifier", Linear(channels, classes), observed=False),
    )
