"""The front as a picture: the first objective against each of the others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from coernas_moo.errors import RunError
from coernas_moo.evaluation.table import builds_networks
from coernas_moo.networks.layers import Shape
from coernas_moo.objectives import Objective
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.figure import BLUE, FAINT, GREEN, ORANGE, PURPLE, VERMILLION, new_figure, style
from coernas_moo.reporting.labels import Label, place
from coernas_moo.reporting.marks import picks
from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.run import Run

LOG_FROM = 8.0
"""Ratio of largest to smallest value from which an axis is logarithmic."""

PICK_STYLES = {"best": (VERMILLION, "*"), "knee": (GREEN, "D"), "fastest": (PURPLE, "^"), "smallest": (ORANGE, "s")}
"""Colour and marker of each pick."""

_MOST_COLUMNS = 3
_ABOUT_LINES = 2
"""Of the problem's description, at most."""

_LEFT, _LINE, _LETTERS_AN_INCH = 0.62, 0.19, 13
"""Left margin and line height in inches, and letters of the subtitle's size."""


def front_figure(run: Run) -> Figure:
    """One panel for each objective after the first; with one objective only, all networks sorted by it.

    A step line joins those members of the front that no other dominates in the panel's two objectives.

    Raises:
        RunError: the front is empty.
    """
    if not run.front:
        raise RunError(
            f"{run.directory.path}: the front is empty, so there is nothing to draw; let the search run longer"
        )
    with style():
        others = run.archive.objectives[1:]
        columns = min(max(1, len(others)), _MOST_COLUMNS)
        rows = -(-max(1, len(others)) // columns)
        width = 5.2 * columns + (1.6 if columns == 1 else 0.3)
        lines = _subtitles(run, int(_LETTERS_AN_INCH * (width - 1.5 * _LEFT)))
        figure = new_figure(width, 4.1 * rows + 0.75 + _LINE * (len(lines) - 1))
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
        for panel in panels[max(1, len(others)) :]:
            panel.set_visible(False)
        panels = panels[: max(1, len(others))]
        drawn = (
            [_draw_panel(p, run, o) for p, o in zip(panels, others, strict=True)]
            if others
            else [_draw_sorted(panels[0], run)]
        )
        for panel in panels[::columns]:
            panel.set_ylabel(_axis_text(run.archive.objectives[0]))
        _finish(figure, run, panels, lines)
        for panel, points in zip(panels, drawn, strict=True):
            place(panel, _draw_picks(panel, run, points), points)
    return figure


def _draw_panel(axes: Axes, run: Run, objective: Objective) -> NDArray[np.float64]:
    """Draw one panel; the points of the front, shape (n, 2)."""
    first = run.archive.objectives[0]
    everything = _values(run, run.archive.ranked(), objective, first)
    front = _values(run, [member.text for member in run.front], objective, first)
    axes.scatter(
        everything[:, 0], everything[:, 1], s=9, color=FAINT, alpha=0.35, linewidths=0, label="evaluated", zorder=2
    )
    signs = np.array([objective.sign, first.sign])
    edge = front[non_dominated(front * signs)]
    step = "steps-post" if objective.direction == "min" else "steps-pre"
    edge = edge[np.argsort(edge[:, 0])]
    axes.plot(
        edge[:, 0],
        edge[:, 1],
        drawstyle=step,
        color=BLUE,
        linewidth=1.3,
        alpha=0.9,
        zorder=3,
        label="best at this cost" if objective.direction == "min" else "best at this value",
    )
    axes.scatter(
        front[:, 0], front[:, 1], s=24, color=BLUE, edgecolors="white", linewidths=0.6, label="front", zorder=4
    )
    axes.set_xlabel(_axis_text(objective))
    _format_axis(axes, "x", objective, everything[:, 0])
    _format_axis(axes, "y", first, everything[:, 1])
    return front


def _draw_sorted(axes: Axes, run: Run) -> NDArray[np.float64]:
    """Draw all networks in order of the one objective, the best first; the points of the front, shape (n, 2)."""
    first = run.archive.objectives[0]
    found = {text: run.archive.value(run.archive[text], first.name) for text in run.archive.ranked()}
    texts = sorted(found, key=lambda text: (first.sign * found[text], text))
    values = np.array([found[text] for text in texts])
    ranks = np.arange(1, len(values) + 1)
    axes.fill_between(ranks, min(0.0, float(values.min())), values, step="mid", color=BLUE, alpha=0.13, linewidth=0)
    axes.scatter(ranks, values, s=12, color=BLUE, linewidths=0, zorder=3)
    axes.set_xlabel("networks, best first")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _format_axis(axes, "y", first, values, log=False)
    front = [texts.index(member.text) for member in run.front]
    return np.column_stack([ranks[front], values[front]])


def _draw_picks(axes: Axes, run: Run, front: NDArray[np.float64]) -> list[Label]:
    """Draw the picks' markers; the labels they are to get, one for picks at the same point."""
    names: dict[tuple[float, float], list[str]] = {}
    for name, number in picks(run).items():
        names.setdefault((float(front[number - 1, 0]), float(front[number - 1, 1])), []).append(name)
    for (x, y), here in names.items():
        colour, marker = PICK_STYLES[here[0]]
        size = 150 if marker == "*" else 62
        axes.scatter([x], [y], s=size, color=colour, marker=marker, edgecolors="white", linewidths=0.9, zorder=5)
    return [Label(", ".join(here), x, y) for (x, y), here in names.items()]


def _values(run: Run, texts: Sequence[str], x: Objective, y: Objective) -> NDArray[np.float64]:
    archive = run.archive
    rows = [(archive.value(archive[text], x.name), archive.value(archive[text], y.name)) for text in texts]
    return np.array(rows, dtype=float).reshape(len(rows), 2)


def _axis_text(objective: Objective) -> str:
    better = "higher is better" if objective.direction == "max" else "lower is better"
    return f"{fmt.axis_title(objective.name)}  ({better})"


def _format_axis(axes: Axes, which: str, objective: Objective, values: NDArray[np.float64], log: bool = True) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis

    low, high = float(values.min(initial=np.inf)), float(values.max(initial=0.0))
    if log and low > 0 and high / low >= LOG_FROM and objective.name != "score":
        if which == "x":
            axes.set_xscale("log")
        else:
            axes.set_yscale("log")
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high / low < 100 else (1, 3)))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    if objective.name == "score":
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}"))
        set_limits = axes.set_xlim if which == "x" else axes.set_ylim
        set_limits(0, 1.06)
    else:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if objective.unit else fmt.short(value)))


def _finish(figure: Figure, run: Run, panels: Sequence[Axes], lines: Sequence[str]) -> None:
    """Title, the lines under it, legend and margins."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    left = _LEFT / width
    figure.text(left, 1 - 0.16 / height, run.problem.name, fontsize=13.5, fontweight="bold", va="top")
    for number, line in enumerate(lines):
        figure.text(left, 1 - (0.43 + _LINE * number) / height, line, color=FAINT, va="top")
    for panel in panels:
        panel.tick_params(length=3)
    if len(run.archive.objectives) > 1:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(
            handles,
            names,
            loc="upper right",
            ncols=3,
            bbox_to_anchor=(1 - 0.2 / width, 1 - 0.03 / height),
            fontsize=9,
            handletextpad=0.3,
            borderpad=0.3,
        )
    top = 1 - (0.78 + _LINE * (len(lines) - 1)) / height
    figure.subplots_adjust(left=left, right=1 - 0.3 / width, bottom=0.55 / height, top=top, wspace=0.07)


def _subtitles(run: Run, most: int) -> list[str]:
    """What was searched, in lines of about `most` characters."""
    about = textwrap.wrap(run.problem.description, most, max_lines=_ABOUT_LINES, placeholder=" …")
    facts = (
        f"{Shape(*run.state.shape)} images, {len(run.state.classes):,} classes: "
        f"{run.archive.evaluations:,} networks "
        f"{'evaluated, none trained' if builds_networks(run.problem) else 'read from the table'}, "
        f"{len(run.front):,} on the front"
    )
    return [*about, facts]
