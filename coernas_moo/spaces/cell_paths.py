"""The paths through a NAS-Bench-201 cell: what its input goes through, one way after another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coernas_moo.networks.cell import EDGES, NODES, NONE, OPERATIONS, SKIP


def _routes(source: int = 0) -> list[tuple[int, ...]]:
    if source == NODES - 1:
        return [()]
    return [(edge, *rest) for edge, (a, b) in enumerate(EDGES) if a == source for rest in _routes(b)]


ROUTES = tuple(_routes())
"""Positions in `EDGES` of every way from the input to the output."""

_WORKING = [operation for operation in OPERATIONS if operation not in (NONE, SKIP)]
PATHS = tuple(path for length in range(NODES) for path in itertools.product(_WORKING, repeat=length))
"""Every sequence of operations that a way can hold, identities left out."""

_NUMBERS = {path: number for number, path in enumerate(PATHS)}


def path_counts(operations: Sequence[str]) -> NDArray[np.float64]:
    """How often each of `PATHS` leads from the cell's input to its output, shape (paths,).

    Networks with the same paths perform alike (the "path encoding" of White et al. 2021, "BANANAS", which notes
    whether a path is there; here it is counted, identities left out).

    Args:
        operations: one for each of `coernas_moo.networks.cell.EDGES`.

    Example:
        >>> counts = path_counts(["nor_conv_3x3", "none", "none", "skip_connect", "avg_pool_3x3", "none"])
        >>> [(PATHS[i], int(counts[i])) for i in counts.nonzero()[0]]
        [((), 1), (('nor_conv_3x3', 'avg_pool_3x3'), 1)]
    """
    counts = np.zeros(len(PATHS))
    for route in ROUTES:
        way = [operations[edge] for edge in route]
        if NONE not in way:
            counts[_NUMBERS[tuple(operation for operation in way if operation != SKIP)]] += 1
    return counts
