"""Pictures of a trained network: its confusion matrix, its calibration, and the curves of its training."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coernas_moo.errors import RunError
from coernas_moo.reporting.figure import BLUE, FAINT, INK, ORANGE, new_figure, save, style
from coernas_moo.reporting.format import percent
from coernas_moo.training.assess import Metrics
from coernas_moo.training.metrics import Reliability, reliability

CONFUSION, CALIBRATION, CURVES = "confusion.png", "calibration.png", "curves.png"
PICTURES = (CONFUSION, CALIBRATION, CURVES)
_LONGEST_NAME = 36
_LONGEST_LINE = 100
_LINE = 0.18
"""Inches."""


def write_training_pictures(metrics: Metrics, directory: Path) -> None:
    """Write `PICTURES` beside the model; raises `RunError` where they cannot be written."""
    save(confusion_figure(metrics), directory / CONFUSION)
    try:
        answers = [
            (float(row["confidence"]), row["class"] == row["predicted"]) for row in _rows(directory / "predictions.csv")
        ]
        confidence, right = (np.array(column) for column in zip(*answers, strict=True))
        epochs = [{key: float(value) for key, value in row.items()} for row in _rows(directory / "history.csv")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{directory}: what its pictures show cannot be read ({error}); train it with --anew") from None
    save(calibration_figure(metrics, reliability(confidence, right)), directory / CALIBRATION)
    save(curves_figure(metrics, epochs), directory / CURVES)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def confusion_figure(metrics: Metrics) -> Figure:
    """The test part's confusion matrix: counts in the cells, shaded by the share of the true class."""
    counts = np.array(metrics.test.confusion)
    names = [_short(one.name) for one in metrics.test.per_class]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.6, 0.42 * len(names) + 1.2)
    margin = 0.075 * max(map(len, names))
    with style():
        figure = new_figure(side + margin + 0.5, side + margin + 0.6)
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        size = 8.5 if len(names) <= 20 else 5
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=size)
        low, high = metrics.test.intervals["accuracy"]
        axes.set_title(
            f"{metrics.name}: {percent(metrics.test.accuracy)} of {metrics.test.images:,} test images\n"
            f"95 % interval {percent(low)} to {percent(high)}",
            fontsize=9.5,
            loc="left",
        )
        figure.tight_layout()
    return figure


def calibration_figure(metrics: Metrics, found: Reliability) -> Figure:
    """How often answers of a confidence are right, on the test part; a dot's area is its share of the images."""
    with style():
        figure = new_figure(4.2, 4.2)
        axes = figure.add_subplot()
        axes.plot([0, 100], [0, 100], color=FAINT, linewidth=0.8, linestyle=":")
        axes.plot(100 * found.confidence, 100 * found.right, color=BLUE, linewidth=1)
        axes.scatter(
            100 * found.confidence, 100 * found.right, 12 + 300 * found.images / found.images.sum(), color=BLUE
        )
        axes.set_xlim(0, 103)
        axes.set_ylim(-3, 103)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right, % (below the dotted line: too sure)")
        title = f"{metrics.name}: calibration error {percent(metrics.test.ece)}"
        if "ece" in metrics.test.intervals:
            low, high = metrics.test.intervals["ece"]
            title += f"\n95 % interval {percent(low)} to {percent(high)}"
        axes.set_title(title, fontsize=9.5, loc="left")
        figure.tight_layout()
    return figure


def curves_figure(metrics: Metrics, history: Sequence[Mapping[str, float]]) -> Figure:
    """Loss and validation accuracy by epoch; a line marks the epoch whose weights were kept."""
    epochs = [row["epoch"] for row in history]
    judged = bool(history) and "validation_accuracy" in history[0]
    with style():
        title = _folded(f"{metrics.name}: {metrics.network}")
        figure = new_figure(7.6, 3.0 + _LINE * title.count("\n"))
        left, right = figure.subplots(1, 2)
        left.plot(epochs, [row["loss"] for row in history], color=BLUE, label="training (augmented, smoothed)")
        if judged:
            left.plot(epochs, [row["validation_loss"] for row in history], color=ORANGE, label="validation")
        left.set_ylabel("loss")
        left.legend(fontsize=8)
        if judged:
            right.plot(epochs, [100 * row["validation_accuracy"] for row in history], color=ORANGE)
            right.set_ylabel("validation accuracy, %")
        else:
            right.plot(epochs, [row["learning_rate"] for row in history], color=FAINT)
            right.set_ylabel("learning rate")
        for axes in (left, right):
            _mark(axes, metrics.best_epoch)
        figure.suptitle(title, fontsize=9.5, x=0.01, ha="left")
        figure.tight_layout()
    return figure


def _mark(axes: Axes, epoch: int) -> None:
    axes.axvline(epoch, color=FAINT, linewidth=0.8, linestyle=":")
    axes.set_xlabel("epoch (dotted: kept)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _folded(title: str) -> str:
    """A title in lines that fit, broken between the parts of a genotype.

    Example:
        >>> _folded("knee: " + "/".join(["conv3,sep3:max"] * 8)).splitlines()[1]
        'conv3,sep3:max/conv3,sep3:max'
    """
    lines = [""]
    for part in re.findall(r"[^/,+]*[/,+]?", title):
        if len(lines[-1]) + len(part) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
