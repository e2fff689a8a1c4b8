"""Layers as data: each knows its output shape, its parameters, its MACs, and how to become a module.

A network is planned before it is built: costs come from the plan in microseconds, and what breaks a
limit is never built. A new layer is a frozen dataclass with the four methods of `Layer`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks import bare
from coernas_moo.networks.shape import Shape as Shape


class Layer(ABC):
    """One planned layer. Implementations are frozen dataclasses: their `repr` identifies them."""

    @abstractmethod
    def out_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`."""

    @abstractmethod
    def params(self) -> int:
        """Number of trainable parameters."""

    @abstractmethod
    def macs(self, shape: Shape) -> int:
        """Multiply-accumulate operations of convolutions and linear maps for one input of `shape`."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The module, with torch's tensors allocated; weights are set by the initialisation."""

    def operators(self, shape: Shape) -> Iterator[tuple[Layer, Shape]]:
        """The parts whose latency is measured one by one, each with its input shape; by default the layer itself."""
        yield self, shape


def _strided(size: int, stride: int) -> int:
    return -(-size // stride)


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution without bias, padded so that stride 1 keeps the resolution and stride s divides it by s, rounded up.

    Raises:
        CoernasError: an even kernel, which no symmetric padding centres, or groups that do not divide the channels.
    """

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise CoernasError(f"a convolution's kernel has an odd side, not {self.kernel}: use {self.kernel + 1}")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise CoernasError(
                f"{self.groups} groups do not divide {self.in_channels} input and {self.out_channels} output channels; "
                f"choose a common divisor"
            )

    def out_shape(self, shape: Shape) -> Shape:
        return Shape(self.out_channels, _strided(shape.height, self.stride), _strided(shape.width, self.stride))

    def params(self) -> int:
        return self.out_channels * (self.in_channels // self.groups) * self.kernel**2

    def macs(self, shape: Shape) -> int:
        out = self.out_shape(shape)
        return self.params() * out.height * out.width

    def build(self) -> nn.Module:
        return bare.conv2d(
            self.in_channels,
            self.out_channels,
            self.kernel,
            stride=self.stride,
            padding=self.dilation * (self.kernel - 1) // 2,
            dilation=self.dilation,
            groups=self.groups,
        )


class Keeps(Layer):
    """A layer that keeps the shape and multiplies nothing that counts as a MAC."""

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def params(self) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True)
class BatchNorm(Keeps):
    """Batch normalisation over channels; scale and shift count as parameters."""

    channels: int

    def params(self) -> int:
        return 2 * self.channels

    def build(self) -> nn.Module:
        return bare.batch_norm2d(self.channels)


@dataclass(frozen=True)
class ReLU(Keeps):
    """max(x, 0)."""

    def build(self) -> nn.Module:
        return bare.relu()


@dataclass(frozen=True)
class Identity(Keeps):
    """The input, unchanged."""

    def build(self) -> nn.Module:
        return nn.Identity()


@dataclass(frozen=True)
class Linear(Layer):
    """Fully connected layer with bias, on a map that has been pooled to one position."""

    in_features: int
    out_features: int

    def out_shape(self, shape: Shape) -> Shape:
        return Shape(self.out_features, 1, 1)

    def params(self) -> int:
        return (self.in_features + 1) * self.out_features

    def macs(self, shape: Shape) -> int:
        return self.in_features * self.out_features

    def build(self) -> nn.Module:
        return bare.linear(self.in_features, self.out_features)


@dataclass(frozen=True)
class GlobalAveragePool(Keeps):
    """Mean over all positions: (n, c, h, w) becomes (n, c)."""

    def out_shape(self, shape: Shape) -> Shape:
        return Shape(shape.channels, 1, 1)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


@dataclass(frozen=True)
class Chain(Layer):
    """Layers one after the other; with `shortcut`, the input is added to the last output.

    `after` follows the addition (the activation that a classic residual unit puts there).

    Raises:
        CoernasError: asked for its output, a chain with a shortcut does not keep the shape.

    Example:
        >>> unit = Chain((Conv(4, 4, 3), BatchNorm(4)), shortcut=True, after=(ReLU(),))
        >>> unit.params(), unit.macs(Shape(4, 8, 8)), str(unit.out_shape(Shape(4, 8, 8)))
        (152, 9216, '4x8x8')
    """

    layers: tuple[Layer, ...]
    shortcut: bool = False
    after: tuple[Layer, ...] = ()

    def _all(self) -> tuple[Layer, ...]:
        return self.layers + self.after

    @cached_property
    def _params(self) -> int:
        return sum(layer.params() for layer in self._all())

    @cached_property
    def _known(self) -> dict[Shape, tuple[Shape, int]]:
        # A search asks the same few chains for the same few shapes thousands of times.
        return {}

    def _out_and_macs(self, shape: Shape) -> tuple[Shape, int]:
        known = self._known.get(shape)
        if known is None:
            out, total = self._through(self.layers, shape)
            if self.shortcut and out != shape:
                raise CoernasError(
                    f"a shortcut adds an input to an output of the same shape, but {shape} becomes {out}; "
                    f"set shortcut=False where they differ"
                )
            out, rest = self._through(self.after, out)
            known = self._known[shape] = (out, total + rest)
        return known

    @staticmethod
    def _through(layers: tuple[Layer, ...], shape: Shape) -> tuple[Shape, int]:
        total = 0
        for layer in layers:
            total += layer.macs(shape)
            shape = layer.out_shape(shape)
        return shape, total

    def out_shape(self, shape: Shape) -> Shape:
        return self._out_and_macs(shape)[0]

    def params(self) -> int:
        return self._params

    def macs(self, shape: Shape) -> int:
        return self._out_and_macs(shape)[1]

    def build(self) -> nn.Module:
        body = bare.sequential(layer.build() for layer in self.layers)
        if not self.shortcut and not self.after:
            return body
        return Residual(body, bare.sequential(layer.build() for layer in self.after), shortcut=self.shortcut)


class Residual(nn.Module):
    """`after(body(x) + x)`, or `after(body(x))` without the shortcut."""

    def __init__(self, body: nn.Module, after: nn.Module, shortcut: bool = True) -> None:
        super().__init__()
        self.body = body
        self.after = after
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        out: Tensor = self.after(y + x if self.shortcut else y)
        return out
