"""Pictures of a comparison: convergence with bands, and attainment surfaces."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from coernas_moo.benchmarks.attainment import attainment_surface
from coernas_moo.benchmarks.comparison import Comparison
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.figure import (
    BLUE,
    BROWN,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    new_figure,
    save,
    style,
)
from coernas_moo.search.dominance import non_dominated

_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, FAINT, INK, BROWN)
_LINES = [(colour, dash) for dash in ("-", "--", ":") for colour in _COLOURS]
_BAND = 0.14


def convergence_figure(comparison: Comparison) -> Figure:
    """Regret, one minus the share of the reference hypervolume, against evaluations: median and quartiles."""
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.add_subplot()
        for (name, standing), (colour, dash) in zip(comparison.standings.items(), cycle(_LINES), strict=False):
            # A share of one has no logarithm.
            regret = np.maximum(1.0 - standing.hypervolumes, 1e-5)
            low, middle, high = np.quantile(regret, [0.25, 0.5, 0.75], axis=0)
            axes.fill_between(comparison.checkpoints, low, high, color=colour, alpha=_BAND, linewidth=0)
            first = name == comparison.plan.algorithms[0]
            axes.plot(comparison.checkpoints, middle, dash, color=colour, linewidth=2.2 if first else 1.2, label=name)
        _log_scale(axes)
        axes.set_xlabel("networks evaluated")
        axes.set_ylabel("hypervolume regret  (lower is better)")
        seeds = comparison.plan.seeds
        axes.set_title(
            f"{comparison.plan.problem.name}: median and quartiles of {seeds} seeds", loc="left", fontsize=10
        )
        axes.legend(fontsize=8, ncols=2)
        figure.tight_layout()
    return figure


def attainment_figure(comparison: Comparison) -> Figure:
    """What half of an algorithm's searches reach (line), a quarter and three quarters (band), and the reference.

    One panel for each objective after the first, a cost, to the right; with more than two objectives each panel shows
    what fronts reach in its two, whatever they cost otherwise.
    """
    with style():
        others = len(comparison.objectives) - 1
        columns = min(others, 2)
        rows = -(-others // columns)
        figure = new_figure(6.4 * columns, 4.2 * rows + 0.2)
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for panel in panels[others:]:
            panel.set_visible(False)
        for number, panel in enumerate(panels[:others], start=1):
            _attained(panel, comparison, number)
        title = "median attainment surface, band from a quarter to three quarters"
        panels[0].set_title(title, loc="left", fontsize=10)
        # An algorithm may have no surface in one panel and one in another.
        named: dict[str, Artist] = {}
        for panel in panels[:others]:
            handles, names = panel.get_legend_handles_labels()
            named |= dict(zip(names, handles, strict=True))
        panels[0].legend([*named.values()], [*named], fontsize=8, ncols=2)
        figure.tight_layout()
    return figure


def _attained(axes: Axes, comparison: Comparison, cost: int) -> None:
    """Surfaces of the first objective against the objective numbered `cost`."""
    reference = comparison.reference
    right = float(reference.nadir[cost])
    # Scores are compared with their sign turned.
    sign = -1.0 if comparison.objectives[0] == "score" else 1.0
    for (name, fronts), (colour, dash) in zip(comparison.fronts.items(), cycle(_LINES), strict=False):
        pairs = [front[:, [cost, 0]] for front in fronts]
        surfaces = [attainment_surface(pairs, share) for share in (0.25, 0.5, 0.75)]
        if not all(map(len, surfaces)):
            continue
        grid = np.unique(np.concatenate([*(surface[:, 0] for surface in surfaces), [right]]))
        low, middle, high = (_steps(surface, grid) for surface in surfaces)
        axes.fill_between(grid, sign * low, sign * high, step="post", color=colour, alpha=_BAND, linewidth=0)
        first = name == comparison.plan.algorithms[0]
        axes.plot(
            grid,
            sign * middle,
            dash,
            drawstyle="steps-post",
            color=colour,
            linewidth=2.2 if first else 1.2,
            zorder=4 if first else 2,
            label=name,
        )
    front = reference.front[non_dominated(reference.front[:, [cost, 0]])]
    axes.scatter(
        front[:, cost],
        sign * front[:, 0],
        s=14,
        color=INK,
        zorder=5,
        label="true front" if comparison.exact else "best known",
    )
    axes.set_xlim(None, right)
    lowest, highest = float(front[:, 0].min()), float(front[:, 0].max())
    if comparison.exact and lowest > 0 and highest / lowest > 4:
        _log_scale(axes)
    # What lies far behind the nadir, a search's first networks, would squash the front.
    room = 0.1 * (highest - lowest) or 1.0
    low_end, high_end = sorted((sign * lowest, sign * highest))
    axes.set_ylim(0.95 * low_end if axes.get_yscale() == "log" else low_end - room, high_end + room)
    axes.set_xlabel(fmt.axis_title(comparison.objectives[cost]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 1e4 else fmt.short(value)))
    axes.set_ylabel(fmt.axis_title(comparison.objectives[0]))


def write_pictures(comparison: Comparison, folder: Path) -> None:
    """Write `convergence` and, for two objectives and more, `attainment`, each as PNG and SVG."""
    pictures = {"convergence": convergence_figure(comparison)}
    if len(comparison.objectives) > 1:
        pictures["attainment"] = attainment_figure(comparison)
    for name, figure in pictures.items():
        for suffix in ("png", "svg"):
            save(figure, folder / f"{name}.{suffix}")


def _log_scale(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _steps(surface: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    position = np.searchsorted(surface[:, 0], grid, side="right") - 1
    steps: NDArray[np.float64] = np.where(position >= 0, surface[np.maximum(position, 0), 1], np.nan)
    return steps
