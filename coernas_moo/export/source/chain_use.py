"""Chains brought to one form: parts in a row, where the input is added again, the channels between the parts."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

from coernas_moo.export.source.writer import Place
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Layer, Linear, ReLU


@dataclass(frozen=True)
class Part:
    """A layer of a chain; `before` and `after` are positions in `ChainUse.widths`, equal where channels are kept."""

    layer: Layer
    place: Place
    before: int
    after: int

    @property
    def depthwise(self) -> bool:
        """Whether it is a convolution with one filter a channel."""
        conv = self.layer
        return isinstance(conv, Conv) and conv.groups == conv.in_channels == conv.out_channels > 1

    @property
    def key(self) -> Hashable:
        """What must be equal for two parts to be written by one line; widths, kernels and dilations may differ."""
        match self.layer:
            case Conv() as conv:
                return "conv", conv.stride, "depthwise" if self.depthwise else conv.groups
            case BatchNorm() | ReLU():
                return type(self.layer).__name__
            case Linear():
                return "linear"
            case other:
                return repr(other)


@dataclass(frozen=True)
class ChainUse:
    """One place where a chain stands.

    Args:
        chain: as planned.
        place: where.
        parts: the layers in a row; chains within that add nothing are taken apart.
        added_after: after how many parts the input is added; None for never.
        widths: channels of the input, and after each part that may change them.
    """

    chain: Chain
    place: Place
    parts: tuple[Part, ...]
    added_after: int | None
    widths: tuple[int, ...]

    @classmethod
    def of(cls, chain: Chain, place: Place) -> ChainUse:
        """The chain's use in that place."""
        body, after = list(_flat(chain.layers)), list(_flat(chain.after))
        shape, widths, parts = place.shape, [place.shape.channels], []
        for layer in (*body, *after):
            out = layer.out_shape(shape)
            before = len(widths) - 1
            if _may_change_width(layer) or out.channels != shape.channels:
                widths.append(out.channels)
            parts.append(Part(layer, Place(shape, place.label), before, len(widths) - 1))
            shape = out
        return cls(chain, place, tuple(parts), len(body) if chain.shortcut else None, tuple(widths))

    @cached_property
    def kinds(self) -> Hashable:
        """What chains of one class have in common."""
        return tuple((part.key, part.after - part.before) for part in self.parts)

    @property
    def keeps_width(self) -> bool:
        """Whether as many channels come out as go in."""
        return self.widths[0] == self.widths[-1]

    @property
    def convolutions(self) -> list[Conv]:
        """The convolutions, in order."""
        return [part.layer for part in self.parts if isinstance(part.layer, Conv)]


def _flat(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    for layer in layers:
        if isinstance(layer, Chain) and not layer.shortcut:
            yield from _flat((*layer.layers, *layer.after))
        else:
            yield layer


def _may_change_width(layer: Layer) -> bool:
    """Full convolutions start a new width even where it is the same: elsewhere in the network it may differ."""
    if isinstance(layer, Conv):
        return not layer.groups == layer.in_channels == layer.out_channels > 1
    return isinstance(layer, Linear)
