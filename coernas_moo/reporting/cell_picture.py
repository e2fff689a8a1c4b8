"""The graph of a NAS-Bench-201 cell: four nodes, and the operations on the edges between them."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from coernas_moo.networks.cell import EDGES, NODES, NONE, SKIP, Cell
from coernas_moo.reporting.figure import BLUE, FAINT, GREEN, INK, ORANGE, VERMILLION

_COLOURS = {SKIP: FAINT, "nor_conv_1x1": ORANGE, "nor_conv_3x3": BLUE, "avg_pool_3x3": GREEN}
_LABELS = {SKIP: "skip", "nor_conv_1x1": "conv 1x1", "nor_conv_3x3": "conv 3x3", "avg_pool_3x3": "avg pool 3x3"}
_BENDS = {(0, 2): -0.55, (1, 3): 0.55, (0, 3): -0.62}
_GAP = 2.2
_RADIUS = 0.26


def draw_cell(axes: Axes, cell: Cell) -> None:
    """Draw the cell from left to right; edges without an operation are left out."""
    names = ["in", *(str(node) for node in range(1, NODES - 1)), "out"]
    used = {node for edge, operation in zip(EDGES, cell.edges, strict=True) if operation != NONE for node in edge}
    for edge, operation in zip(EDGES, cell.edges, strict=True):
        if operation != NONE:
            _draw_edge(axes, edge, operation)
    for node, name in enumerate(names):
        alive = node in used or node in (0, NODES - 1)
        colour = INK if alive else "#b8bcc4"
        axes.add_patch(Circle((node * _GAP, 0), _RADIUS, facecolor="white", edgecolor=colour, linewidth=1.4, zorder=4))
        axes.text(node * _GAP, 0, name, ha="center", va="center", fontsize=9, color=colour, zorder=5)
    axes.set_xlim(-0.5, (NODES - 1) * _GAP + 0.5)
    axes.set_ylim(-1.75, 2.7)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _draw_edge(axes: Axes, edge: tuple[int, int], operation: str) -> None:
    source, target = (node * _GAP for node in edge)
    bend = _BENDS.get(edge, 0.0)
    colour = _COLOURS.get(operation, VERMILLION)
    # An arc3 curve is a quadratic Bezier whose middle is half the bend away from the chord.
    angle = math.atan(2 * bend)
    start = (source + _RADIUS * math.cos(angle), -_RADIUS * math.sin(angle))
    end = (target - _RADIUS * math.cos(angle), -_RADIUS * math.sin(angle))
    arrow = FancyArrowPatch(
        start,
        end,
        connectionstyle=f"arc3,rad={bend}",
        arrowstyle="-|>,head_length=5,head_width=2.6",
        linewidth=1.8,
        linestyle=(0, (4, 2.5)) if operation == SKIP else "-",
        color=colour,
        shrinkA=0,
        shrinkB=1,
        zorder=2,
    )
    axes.add_patch(arrow)
    axes.text(
        (start[0] + end[0]) / 2,
        start[1] - bend * (end[0] - start[0]) / 2,
        _LABELS.get(operation, operation),
        ha="center",
        va="center",
        fontsize=8.5,
        color=INK if operation != SKIP else FAINT,
        zorder=3,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"},
    )
