"""The networks of the front as the page draws them: rows that many networks share are kept once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from coernas_moo.networks.cell import EDGES, NODES, NONE, SKIP
from coernas_moo.reporting.architecture_rows import Row, rows
from coernas_moo.reporting.architecture_text import cell_of
from coernas_moo.search.run import Member, Run

EDGE_LABELS = {SKIP: "skip", "nor_conv_1x1": "conv 1x1", "nor_conv_3x3": "conv 3x3", "avg_pool_3x3": "avg pool 3x3"}


class DrawnRow(msgspec.Struct, frozen=True, array_like=True):
    """One box, written as a list: stage (may be empty), text, kind (`unit`, `pool`, `head`), output, params, MACs."""

    stage: str
    text: str
    kind: str
    output: str
    params: int
    macs: int


class DrawnEdge(msgspec.Struct, frozen=True, array_like=True):
    """One edge of a cell, written as a list: source and target node, operation, what is written on it."""

    source: int
    target: int
    operation: str
    label: str


class Drawing(msgspec.Struct, frozen=True):
    """One network: its rows as indices into `Drawings.rows`, its cell's edges, its totals."""

    rows: list[int]
    cell: list[DrawnEdge]
    params: int
    macs: int


class Drawings(msgspec.Struct, frozen=True):
    """All networks of a front.

    Args:
        input: shape of an image (`3x32x32`).
        nodes: of a cell.
        rows: distinct ones.
        networks: one a member, in the front's order.
    """

    input: str
    nodes: int
    rows: list[DrawnRow]
    networks: list[Drawing]


def drawings(run: Run, members: Sequence[Member]) -> Drawings:
    """How these members of the front are drawn."""
    known: dict[Row, int] = {}
    networks = []
    for member in members:
        plan = run.plan(member)
        found = [known.setdefault(row, len(known)) for row in rows(plan)]
        cell = cell_of(plan)
        edges = zip(EDGES, cell.edges, strict=True) if cell is not None else ()
        networks.append(
            Drawing(
                found,
                [
                    DrawnEdge(*edge, operation, EDGE_LABELS.get(operation, operation))
                    for edge, operation in edges
                    if operation != NONE
                ],
                plan.params(),
                plan.macs(),
            )
        )
    boxes = [DrawnRow(row.stage, row.text, row.kind, str(row.shape), row.params, row.macs) for row in known]
    return Drawings(str(run.space.input_shape), NODES, boxes, networks)
