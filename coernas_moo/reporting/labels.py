"""Labels beside points of a plot, placed so that they cover neither points nor each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from coernas_moo.reporting.figure import INK, RULE

_DISTANCES = (10.0, 16.0, 24.0, 36.0, 52.0)
"""Points between a marker and its label."""
_DIRECTIONS = 16


@dataclass(frozen=True)
class Label:
    """A text and the point it belongs to, in data coordinates."""

    text: str
    x: float
    y: float


def place(axes: Axes, labels: Sequence[Label], points: NDArray[np.float64]) -> None:
    """Annotate `axes` with the labels, each with a thin line to its point.

    Every label tries places around its point, near ones first, and takes the one that covers least.

    Args:
        axes: finished otherwise: later changes of its limits move points under labels.
        labels: the most important first.
        points: shape (n, 2), data coordinates of what should stay visible.
    """
    figure = axes.get_figure(root=True)
    if figure is None or not labels:
        return
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    frame = axes.get_window_extent()
    dots = axes.transData.transform(points)
    anchors = axes.transData.transform([(label.x, label.y) for label in labels])
    taken: list[Bbox] = []
    for label, anchor in zip(labels, anchors, strict=True):
        text = axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            color=INK,
            zorder=6,
            bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": RULE, "linewidth": 0.7},
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.7, "shrinkA": 2, "shrinkB": 5},
        )
        extent = text.get_window_extent()
        half = np.array([extent.width / 2 + 5 * scale, extent.height / 2 + 5 * scale])
        best, best_cost = None, math.inf
        for distance in _DISTANCES:
            for step in range(_DIRECTIONS):
                angle = math.tau * (step + 2) / _DIRECTIONS
                reach = np.array([math.cos(angle), math.sin(angle)])
                centre = anchor + reach * (half + distance * scale)
                centre = np.clip(centre, frame.min + half, frame.max - half)
                box = Bbox([centre - half, centre + half])
                cost = distance / 24 + _cost(box, dots, taken, anchor, anchors)
                if cost < best_cost:
                    best, best_cost = (box, centre), cost
        if best is not None:
            taken.append(best[0])
            offset = (best[1] - anchor) / scale
            text.set_position((float(offset[0]), float(offset[1])))


def _cost(
    box: Bbox,
    dots: NDArray[np.float64],
    taken: Sequence[Bbox],
    anchor: NDArray[np.float64],
    anchors: NDArray[np.float64],
) -> float:
    inside = (dots > box.min).all(axis=1) & (dots < box.max).all(axis=1)
    named = (anchors > box.min).all(axis=1) & (anchors < box.max).all(axis=1)
    overlaps = sum(box.overlaps(other) for other in taken)
    centre = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    line = anchor + np.linspace(0.1, 1, 12)[:, None] * (centre - anchor)
    crossed = sum(bool(((line > other.min) & (line < other.max)).all(axis=1).any()) for other in taken)
    others = anchors[(anchors != anchor).any(axis=1)]
    # A label belongs, for the eye, to the named point that its line touches, or that is nearest to it.
    touched = np.linalg.norm(line[:, None] - others, axis=2).min(axis=0) < box.height / 2
    nearer = np.linalg.norm(others - centre, axis=1) < np.linalg.norm(anchor - centre)
    mistaken = int((touched | nearer).sum())
    return 1.0 * int(inside.sum()) + 20.0 * (int(named.sum()) + mistaken) + 50.0 * (overlaps + crossed)
