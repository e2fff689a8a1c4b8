"""How often each option is chosen on the front, against everything that was evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from coernas_moo.search.run import Run
from coernas_moo.spaces import SearchSpace


class SegmentCounts(msgspec.Struct, frozen=True):
    """Choices of one segment; only genes that reach the output count.

    Args:
        name: of the segment.
        genes: names, in order.
        options: labels of the choices.
        front: how often each option of each gene is chosen on the front, (genes, options).
        archive: the same among all networks that were scored.
    """

    name: str
    genes: list[str]
    options: list[str]
    front: list[list[int]]
    archive: list[list[int]]


def operations(run: Run) -> list[SegmentCounts]:
    """The choices of every segment of a run's space."""
    front = [member.text for member in run.front]
    everything = [record.text for record in run.archive if record.scored]
    return segment_counts(run.space, front, everything)


def segment_counts(space: SearchSpace, front: Sequence[str], everything: Sequence[str]) -> list[SegmentCounts]:
    """The choices of every segment in two lists of genotypes.

    Example:
        >>> from coernas_moo.networks.layers import Shape
        >>> from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace
        >>> settings = SeparableSettings(stages=1, max_depth=2, units=("conv3", "sep3"), pools=("max",))
        >>> space = SeparableSpace(Shape(1, 8, 8), 2, settings)
        >>> conv = segment_counts(space, ["sep3:max"], ["sep3:max", "conv3,conv3:max"])[0]
        >>> conv.front, conv.archive
        ([[0, 1], [0, 0]], [[1, 1], [1, 0]])
    """
    counts = _counts(space, front), _counts(space, everything)
    found = []
    for segment in space.segments:
        part = space.slices[segment.name]
        chosen = [table[part, : len(segment.options)].tolist() for table in counts]
        found.append(SegmentCounts(segment.name, list(segment.genes), list(segment.options), *chosen))
    return found


def _counts(space: SearchSpace, texts: Sequence[str]) -> NDArray[np.int64]:
    """How many genotypes choose each option with a live gene, (genes, most options of a gene)."""
    table = np.zeros((len(space.genes), int(space.cardinalities.max())), dtype=np.int64)
    genes = np.arange(len(space.genes))
    for text in texts:
        genotype = space.from_text(text)
        live = space.live(genotype)
        table[genes[live], genotype[live]] += 1
    return table
