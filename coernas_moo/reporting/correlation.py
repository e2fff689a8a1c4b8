"""Files of a correlation: the rows as CSV, the protocol, a scatter and a radar plot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from coernas_moo.benchmarks.correlation import SCORE, Correlation
from coernas_moo.benchmarks.ranking import ranked_last
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.files import write_atomically
from coernas_moo.reporting.figure import BLUE, GREEN, ORANGE, new_figure, save, style


def rows_as_dicts(result: Correlation) -> list[dict[str, Any]]:
    """One flat mapping a row, in column order."""
    return [
        {
            "name": row.name,
            "dataset": row.dataset,
            **asdict(row.quality),
            "tau_std": row.tau_std,
            "tau_low": row.tau_low,
            "tau_high": row.tau_high,
        }
        for row in result.rows
    ]


def write_correlation(result: Correlation, table: TabularBenchmark, folder: Path) -> None:
    """Write `correlation.csv`, `protocol.json`, `scatter.png` and `radar.png` into `folder`."""
    rows = rows_as_dicts(result)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "correlation.csv", text.getvalue())
    protocol = {
        **asdict(result.protocol),
        "architectures": result.architectures,
        "functions": result.functions,
        "seconds_per_candidate": result.seconds_per_candidate,
    }
    write_atomically(folder / "protocol.json", json.dumps(protocol, indent=1) + "\n")
    _scatter(result, table, folder / "scatter.png")
    _radar(rows, result.protocol.datasets, folder / "radar.png")


def _scatter(result: Correlation, table: TabularBenchmark, path: Path) -> None:
    """Score against accuracy, one panel a data set, for the method's score and the first initialisation."""
    datasets = result.protocol.datasets
    ranks = ranked_last(result.scores[SCORE.name, result.protocol.seeds[0]])
    with style():
        figure = new_figure(3.4 * len(datasets) + 0.4, 3.3)
        for axes, dataset in zip(np.atleast_1d(figure.subplots(1, len(datasets))), datasets, strict=True):
            accuracies = table.accuracy(dataset, result.protocol.split)[result.rows_of_table]
            axes.scatter(ranks, accuracies, s=4, color=BLUE, alpha=0.25, linewidths=0)
            row = next(row for row in result.rows if (row.name, row.dataset) == (SCORE.name, dataset))
            axes.set_title(f"{dataset}: tau {row.quality.tau:.3f}", loc="left", fontsize=10)
            axes.set_xlabel("score")
            axes.set_ylabel(f"{result.protocol.split} accuracy, %")
        figure.tight_layout()
    save(figure, path)


def _radar(rows: list[dict[str, Any]], datasets: Sequence[str], path: Path) -> None:
    """Kendall's tau of every proxy and fusion, one axis a proxy, one line a data set; negative values at the centre."""
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    angles = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    with style():
        figure = new_figure(7.0, 5.6)
        axes: Any = figure.add_subplot(projection="polar")
        for dataset, colour in zip(datasets, cycle((BLUE, ORANGE, GREEN)), strict=False):
            taus = [max(0.0, float(row["tau"])) for row in rows if row["dataset"] == dataset]
            axes.plot([*angles, angles[0]], [*taus, taus[0]], color=colour, label=dataset)
        axes.set_xticks(angles, names)
        for label, angle in zip(axes.get_xticklabels(), angles, strict=True):
            side = np.cos(angle)
            label.set_horizontalalignment("center" if abs(side) < 0.2 else "left" if side > 0 else "right")
        axes.set_ylim(0, 1)
        axes.set_rlabel_position(180 / len(names))
        figure.legend(loc="upper right")
        figure.subplots_adjust(left=0.18, right=0.8, bottom=0.08, top=0.9)
    save(figure, path)
