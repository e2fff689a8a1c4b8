"""Convolution units: what a gene of the conv segment chooses between; each keeps the resolution.

A unit is a factory of layers in the registry `UNITS`. Where input and output widths agree it adds a
shortcut. A new one takes five lines:

    @register_unit("conv7", "convolution 7x7")
    def conv7(in_channels: int, out_channels: int) -> Layer:
        body = (Conv(in_channels, out_channels, 7), BatchNorm(out_channels))
        return Chain(body, shortcut=in_channels == out_channels, after=(ReLU(),))
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Layer, ReLU
from coernas_moo.registry import Registry

UnitFactory = Callable[[int, int], Layer]
"""(in_channels, out_channels) -> a layer that keeps the resolution."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Names that a person can type inside a genotype's text without quoting it in a shell."""


def check_name(kind: str, name: str) -> None:
    """Raises `CoernasError` where `name` could not stand in a genotype's text."""
    if not NAME.fullmatch(name):
        raise CoernasError(f"a {kind} cannot be named {name!r}: use letters, digits, '_', '.' and '-' only")


@dataclass(frozen=True)
class Unit:
    """An entry of `UNITS`; calling it makes the layer.

    Args:
        name: what a genotype's text and a problem file say.
        label: what tables and pictures say.
        factory: makes the layer.
    """

    name: str
    label: str
    factory: UnitFactory

    def __call__(self, in_channels: int, out_channels: int) -> Layer:
        """The layer that turns `in_channels` channels into `out_channels` at the same resolution."""
        return self.factory(in_channels, out_channels)


UNITS: Registry[Unit] = Registry("unit", group="coernas_moo.units")
"""Convolution units by the name that genotypes and problem files use."""


def register_unit(name: str, label: str | None = None) -> Callable[[UnitFactory], UnitFactory]:
    """Registers the decorated factory under `name`, shown to people as `label` (by default the name).

    Raises:
        CoernasError: the name is taken, or cannot stand in a genotype's text.
    """
    check_name("unit", name)

    def add(factory: UnitFactory) -> UnitFactory:
        UNITS.add(name, Unit(name, label or name, factory))
        return factory

    return add


def _conv_bn_relu(
    in_channels: int, out_channels: int, kernel: int, dilation: int = 1, groups: int = 1
) -> tuple[Layer, ...]:
    conv = Conv(in_channels, out_channels, kernel, dilation=dilation, groups=groups)
    return conv, BatchNorm(out_channels), ReLU()


def _plain(in_channels: int, out_channels: int, kernel: int, dilation: int = 1) -> Layer:
    conv, norm, relu = _conv_bn_relu(in_channels, out_channels, kernel, dilation)
    return Chain((conv, norm), shortcut=in_channels == out_channels, after=(relu,))


def _separable(in_channels: int, out_channels: int, kernel: int) -> Layer:
    depthwise = _conv_bn_relu(in_channels, in_channels, kernel, groups=in_channels)
    conv, norm, relu = _conv_bn_relu(in_channels, out_channels, 1)
    return Chain((*depthwise, conv, norm), shortcut=in_channels == out_channels, after=(relu,))


def _inverted(in_channels: int, out_channels: int, kernel: int, expansion: int) -> Layer:
    hidden = in_channels * expansion
    expand = _conv_bn_relu(in_channels, hidden, 1)
    depthwise = _conv_bn_relu(hidden, hidden, kernel, groups=hidden)
    project = (Conv(hidden, out_channels, 1), BatchNorm(out_channels))
    return Chain((*expand, *depthwise, *project), shortcut=in_channels == out_channels)


@register_unit("conv3", "convolution 3x3")
def conv3(in_channels: int, out_channels: int) -> Layer:
    """Convolution 3x3, batch norm, shortcut, ReLU (He et al. 2016, half of a basic block)."""
    return _plain(in_channels, out_channels, 3)


@register_unit("conv5", "convolution 5x5")
def conv5(in_channels: int, out_channels: int) -> Layer:
    """Convolution 5x5, batch norm, shortcut, ReLU."""
    return _plain(in_channels, out_channels, 5)


@register_unit("sep3", "depthwise separable 3x3")
def sep3(in_channels: int, out_channels: int) -> Layer:
    """Depthwise 3x3 and pointwise convolution (Howard 2017), each with batch norm, shortcut before the last ReLU."""
    return _separable(in_channels, out_channels, 3)


@register_unit("sep5", "depthwise separable 5x5")
def sep5(in_channels: int, out_channels: int) -> Layer:
    """Depthwise 5x5 and pointwise convolution, each with batch norm, shortcut before the last ReLU."""
    return _separable(in_channels, out_channels, 5)


@register_unit("bottleneck3", "residual bottleneck 3x3")
def bottleneck3(in_channels: int, out_channels: int) -> Layer:
    """Convolutions 1x1, 3x3, 1x1, the middle one at a quarter of the width, shortcut, ReLU (He et al. 2016)."""
    hidden = max(1, out_channels // 4)
    body = _conv_bn_relu(in_channels, hidden, 1) + _conv_bn_relu(hidden, hidden, 3)
    project = (Conv(hidden, out_channels, 1), BatchNorm(out_channels))
    return Chain((*body, *project), shortcut=in_channels == out_channels, after=(ReLU(),))


@register_unit("mb3k3", "inverted bottleneck 3x3, expansion 3")
def mb3k3(in_channels: int, out_channels: int) -> Layer:
    """Pointwise to 3 times the width, depthwise 3x3, linear pointwise back, shortcut (Sandler et al. 2018)."""
    return _inverted(in_channels, out_channels, 3, 3)


@register_unit("mb6k5", "inverted bottleneck 5x5, expansion 6")
def mb6k5(in_channels: int, out_channels: int) -> Layer:
    """Pointwise to 6 times the width, depthwise 5x5, linear pointwise back, shortcut (Sandler et al. 2018)."""
    return _inverted(in_channels, out_channels, 5, 6)


@register_unit("dil3", "dilated convolution 3x3")
def dil3(in_channels: int, out_channels: int) -> Layer:
    """Convolution 3x3 with dilation 2 (a 5x5 window at the cost of 3x3), batch norm, shortcut, ReLU."""
    return _plain(in_channels, out_channels, 3, dilation=2)
