"""What stands where in a network of the separable space: the blocks of one, or of many networks at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Identity, Layer, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, Chains
from coernas_moo.networks.pools import Pool, halved
from coernas_moo.networks.units import Unit
from coernas_moo.spaces.separable_text import StageCodes


class Layout:
    """What all networks of a space share: the stem, each stage's resolution and widths, the choices, the head.

    Args:
        input_shape: of one image.
        classes: number of classes.
        stem_width: channels of the stem.
        stem_stride: stride of the stem.
        widths: of each stage the channels that a width gene chooses between.
        max_depth: most units in a stage.
        units: what a conv gene chooses between.
        pools: what a pool gene chooses between.
    """

    def __init__(
        self,
        input_shape: Shape,
        classes: int,
        *,
        stem_width: int,
        stem_stride: int,
        widths: Sequence[Sequence[int]],
        max_depth: int,
        units: Sequence[Unit],
        pools: Sequence[Pool],
    ) -> None:
        self.input_shape, self.classes, self.stem_width = input_shape, classes, stem_width
        self.widths, self.max_depth, self.units, self.pools = widths, max_depth, units, pools
        conv = Conv(input_shape.channels, stem_width, 3, stride=stem_stride)
        self.stem = Block("stem", "convolution 3x3", Chain((conv, BatchNorm(stem_width), ReLU())))
        self.shapes = [self.stem.out_shape(input_shape)]
        """Of the map that enters each stage, and of the last one's output; channels are those of the stem."""
        for _ in widths:
            self.shapes.append(halved(self.shapes[-1]))
        places, codes = len(widths) * (max_depth + 1), max(len(units), len(pools))
        # Of a place, the code that stands there, and the width codes of the stage before and of its own.
        self._radices = places, codes, len(widths[0]), len(widths[0])
        self._placed: dict[int, tuple[Block, Shape]] = {}

    def one_position(self, stage: int) -> bool:
        """Whether a stage's map has a single position, which no pool can reduce."""
        return self.shapes[stage].height == self.shapes[stage].width == 1

    def blocks(self, stages: Iterable[StageCodes]) -> tuple[Block, ...]:
        """The blocks of one network, in order."""
        blocks, before = [self.stem], 0
        for stage, codes in enumerate(stages):
            for position, code in enumerate(codes.units):
                blocks.append(self._unit(stage, position, code, before, codes.width))
            blocks.append(self._pool(stage, codes.pool, codes.width))
            before = codes.width
        return (*blocks, *_head(self.widths[-1][before], self.classes))

    def chains(
        self,
        units: NDArray[np.int64],
        pools: NDArray[np.int64],
        depths: NDArray[np.int64],
        widths: NDArray[np.int64],
    ) -> Chains:
        """The blocks of n networks, and where they stand.

        Args:
            units: codes (n, stages, max_depth).
            pools, widths: codes (n, stages).
            depths: one less than the number of units (n, stages).
        """
        n, stages, most = units.shape
        before = np.concatenate([np.zeros((n, 1), dtype=np.int64), widths[:, :-1]], axis=1)
        # A stage's places are its units, and its pool at the end.
        codes = np.concatenate([units, pools[:, :, None]], axis=2)
        there = np.arange(most + 1) <= depths[:, :, None]
        there[:, :, most] = True
        numbered = np.arange(stages * (most + 1)).reshape(stages, most + 1)
        what = np.broadcast_arrays(numbered, codes, before[:, :, None], widths[:, :, None])
        keys, numbers = np.unique(np.ravel_multi_index(what, self._radices)[there], return_inverse=True)
        # Before them the stem, after them the two blocks of the head for the last stage's width.
        fixed = [(self.stem, self.input_shape), *(block for width in self.widths[-1] for block in self._ends(width))]
        stem, head = np.zeros((n, 1), dtype=np.int64), 1 + 2 * widths[:, -1:] + np.arange(2)
        middle = np.full((n, stages * (most + 1)), -1, dtype=np.int64)
        middle[there.reshape(middle.shape)] = len(fixed) + numbers
        placed = [self._known(key) for key in keys.tolist()]
        return Chains((*fixed, *placed), np.concatenate([stem, middle, head], axis=1))

    def _known(self, key: int) -> tuple[Block, Shape]:
        if key not in self._placed:
            place, code, before, width = map(int, np.unravel_index(key, self._radices))
            self._placed[key] = self._at(*divmod(place, self.max_depth + 1), code, before, width)
        return self._placed[key]

    def _at(self, stage: int, position: int, code: int, before: int, width: int) -> tuple[Block, Shape]:
        """A block, and the shape that enters it."""
        _, rows, columns = self.shapes[stage]
        if position == self.max_depth:
            return self._pool(stage, code, width), Shape(self.widths[stage][width], rows, columns)
        channels = self._entering(stage, position, before, width)
        return self._unit(stage, position, code, before, width), Shape(channels, rows, columns)

    def _ends(self, channels: int) -> list[tuple[Block, Shape]]:
        """The head's blocks, and the shapes that enter them."""
        pool, linear = _head(channels, self.classes)
        shape = Shape(channels, *self.shapes[-1][1:])
        return [(pool, shape), (linear, pool.out_shape(shape))]

    def _entering(self, stage: int, position: int, before: int, width: int) -> int:
        """Channels that enter a unit: those of its stage, but for the first one those of the stage before."""
        if position:
            return self.widths[stage][width]
        return self.widths[stage - 1][before] if stage else self.stem_width

    def _unit(self, stage: int, position: int, code: int, before: int, width: int) -> Block:
        channels = self._entering(stage, position, before, width)
        return _unit_block(stage + 1, position + 1, self.units[code], channels, self.widths[stage][width])

    def _pool(self, stage: int, code: int, width: int) -> Block:
        pool = None if self.one_position(stage) else self.pools[code]
        return _pool_block(stage + 1, pool, self.widths[stage][width])


@cache
def _unit_block(stage: int, position: int, unit: Unit, in_channels: int, out_channels: int) -> Block:
    return Block(f"stage{stage}.unit{position}", unit.label, _unit_layer(unit, in_channels, out_channels))


@cache
def _unit_layer(unit: Unit, in_channels: int, out_channels: int) -> Layer:
    return unit(in_channels, out_channels)


@cache
def _pool_block(stage: int, pool: Pool | None, channels: int) -> Block:
    """The pool's block, or none's: a map of one position stays, and proxies need not look at it twice."""
    if pool is None:
        return Block(f"stage{stage}.pool", "none: one position left", Identity(), observed=False)
    return Block(f"stage{stage}.pool", pool.label, pool(channels))


@cache
def _head(channels: int, classes: int) -> tuple[Block, Block]:
    return (
        Block("head.pool", "global average pool", GlobalAveragePool(), observed=False),
        Block("head.linear", "linear classifier", Linear(channels, classes), observed=False),
    )
