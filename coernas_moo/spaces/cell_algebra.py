"""Which NAS-Bench-201 cells compute the same function, and the one cell that stands for them.

A cell is read as a sum of terms. The input is a term; an edge whose operation is o adds the term o(sum at its
source) to its target; an identity edge adds the terms of its source themselves. Sums are sorted and equal terms
are kept as often as they occur, each with weights of its own. Two cells whose outputs read the same compute the
same functions. This reading merges the 15,625 cells into 4,930; taking equal terms as one would merge functions
that differ (x + x is not x), and leaves 4,084. That an average of a sum is the sum of averages is not read: it would
leave 4,660.

A node with several outgoing paths contributes the same term, with the same weights, more than once, where another
cell of the class may spend separate weights on each. The latter can compute whatever the former does and not the
other way round, so the cell with the most weights stands for its class.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from coernas_moo.networks.cell import EDGES, NODES, NONE, SKIP, edge_layer


def without_dead_edges(operations: Sequence[str]) -> tuple[str, ...]:
    """The cell with `none` on every edge that lies on no path from input to output.

    Args:
        operations: one for each of `coernas_moo.networks.cell.EDGES`.

    Example:
        >>> without_dead_edges(["nor_conv_3x3", "skip_connect", "none", "none", "none", "skip_connect"])
        ('none', 'skip_connect', 'none', 'none', 'none', 'skip_connect')
    """
    present = [(edge, operation != NONE) for edge, operation in zip(EDGES, operations, strict=True)]
    fed, used = {0}, {NODES - 1}
    # EDGES is sorted by target, so every source is decided before its edge; backwards the same holds for targets.
    for (source, target), there in present:
        if there and source in fed:
            fed.add(target)
    for (source, target), there in reversed(present):
        if there and target in used:
            used.add(source)
    return tuple(
        operation if source in fed and target in used else NONE
        for (source, target), operation in zip(EDGES, operations, strict=True)
    )


Terms = tuple[int, ...]
"""A sorted sum; each term is a number from a `Numbering`."""

INPUT = 0
"""The number of the term that is the cell's input."""

Numbering = dict[tuple[str, Terms], int]
"""A number, from 1, for each distinct term (operation, sum that it is applied to)."""


_FIRST_EDGE = [sum(into < target for _, into in EDGES) for target in range(NODES + 1)]
"""Where the edges into a node begin among `EDGES`: they come from node 0, 1, ... in this order."""


def _sum(operations: Sequence[str], sources: Sequence[Terms], numbering: Numbering) -> Terms:
    """The sum at the node behind `sources`; what is computed from an empty sum is not there."""
    terms: list[int] = []
    for operation, source in zip(operations, sources, strict=True):
        if operation == SKIP:
            terms += source
        elif operation != NONE and source:
            terms.append(numbering.setdefault((operation, source), len(numbering) + 1))
    return tuple(sorted(terms))


@dataclass(frozen=True)
class CanonicalForms:
    """The canonical genotype of every genotype over some options.

    Args:
        table: int16, shape (options,) * 6 + (6,): genotype to canonical genotype.
        count: number of distinct canonical genotypes.
    """

    table: NDArray[np.int16]
    count: int


@lru_cache(maxsize=32)
def canonical_forms(options: tuple[str, ...]) -> CanonicalForms:
    """Enumerates all cells over `options` (a fraction of a second, once a process).

    Each class is represented by a cell without dead edges: of those with the most convolutions the one with the
    fewest pools, then the fewest edges, then the smallest codes. Such a cell is always among the class, whatever the
    options: only `none` makes dead edges, so where they exist they can be dropped.
    """
    classes = _classes(options)
    cells = np.indices((len(options),) * len(EDGES), dtype=np.int16).reshape(len(EDGES), -1).T
    present = np.array([operation != NONE for operation in options])
    candidates = np.flatnonzero(~_dead_edges()[tuple(present[cells].T.astype(np.int64))])
    weighted = np.array(
        [(layer := edge_layer(operation, 1)) is not None and layer.params() > 0 for operation in options]
    )
    computing = np.array([operation not in (NONE, SKIP) for operation in options])
    weights, layers, edges = (kind[cells[candidates]].sum(axis=1) for kind in (weighted, computing, present))
    # A stable sort: among equals the smallest codes stay first.
    order = candidates[np.lexsort((edges, layers, -weights, classes[candidates]))]
    _, best = np.unique(classes[order], return_index=True)
    table = cells[order[best]][classes].reshape((len(options),) * len(EDGES) + (len(EDGES),))
    table.setflags(write=False)
    return CanonicalForms(table, len(best))


@cache
def _dead_edges() -> NDArray[np.bool_]:
    """Whether a cell has dead edges, by which of its edges are there (1) or not (0); shape (2,) * 6."""
    cells = [tuple(SKIP if there else NONE for there in present) for present in np.ndindex((2,) * len(EDGES))]
    return np.array([without_dead_edges(cell) != cell for cell in cells]).reshape((2,) * len(EDGES))


def _classes(options: tuple[str, ...]) -> NDArray[np.int64]:
    """For every cell over `options`, in the order of their codes, the number of its class: 0, 1, ..."""
    numbering: Numbering = {}
    numbers: dict[Terms, int] = {}
    classes: list[int] = []
    inner = _FIRST_EDGE[NODES - 1]
    for cell in itertools.product(options, repeat=inner):
        nodes: list[Terms] = [(INPUT,)]
        for target in range(1, NODES - 1):
            nodes.append(_sum(cell[_FIRST_EDGE[target] : _FIRST_EDGE[target + 1]], nodes, numbering))
        # What each option adds to the output is the same in all the cells that differ in their last edges only.
        added = [[_sum((operation,), (node,), numbering) for operation in options] for node in nodes]
        for summands in itertools.product(*added):
            terms = tuple(sorted(itertools.chain.from_iterable(summands)))
            classes.append(numbers.setdefault(terms, len(numbers)))
    return np.array(classes)
