"""A comparison as tables: rows once, written as Markdown, LaTeX, CSV and JSON; the terminal prints the same."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.comparison import STEP, TARGETS, Comparison
from coernas_moo.benchmarks.quartiles import Summary
from coernas_moo.benchmarks.statistics import verdict
from coernas_moo.files import write_atomically
from coernas_moo.reporting.comparison_document import (
    FORMAT,
    AlgorithmResult,
    ComparisonDocument,
    ContestResult,
    Front,
    contest_legend,
    encode,
)
from coernas_moo.reporting.markup import booktabs, latex
from coernas_moo.versions import versions

HEAD = (
    "algorithm",
    "hypervolume",
    "IGD+",
    *(f"to {target:.0%}" for target in TARGETS),
    "best",
    "rank",
    "p (Holm)",
    "A12",
    "against it",
    "s",
)
"""Columns: share of the reference hypervolume at the end, evaluations to reach shares of it, Friedman's mean rank; the
contests are those of the first algorithm; processor seconds of a search, without those of workers."""


def comparison_rows(comparison: Comparison) -> list[list[str]]:
    """One row an algorithm, median (quartiles) where a cell stands for all seeds."""
    against = {contest.rival: contest for contest in comparison.contests}
    rows = []
    for name, standing in comparison.standings.items():
        contest = against.get(name)
        rows.append(
            [
                name,
                _spread(comparison.summary(name, "final"), 4),
                _spread(comparison.summary(name, "igd_plus"), 4, "no front"),
                *(_spread(Summary.of(row), 0) for row in standing.to_target),
                _spread(comparison.summary(name, "best"), 2 if comparison.exact else 3),
                f"{comparison.ranks[name]:.2f}",
                f"{contest.p:.2g}" if contest else "",
                f"{contest.effect:.2f}" if contest else "",
                contest.outcome if contest else "",
                f"{comparison.summary(name, 'seconds').median:.2f}",
            ]
        )
    return rows


def comparison_markdown(comparison: Comparison) -> str:
    """The table with what its cells are, and its verdict."""
    lines = [
        f"| {' | '.join(HEAD)} |",
        "|---|" + "---:|" * (len(HEAD) - 1),
        *(f"| {' | '.join(row)} |" for row in comparison_rows(comparison)),
        "",
        f"{comparison_basis(comparison)}. {comparison_legend(comparison)}.",
        "",
        comparison_verdict(comparison),
    ]
    return "\n".join(lines) + "\n"


def comparison_latex(comparison: Comparison) -> str:
    """The table for the package booktabs, after a comment that says what its cells are."""
    lines = [
        f"% {comparison.plan.problem.name}: {comparison_basis(comparison)}",
        *booktabs(f"l{'r' * (len(HEAD) - 1)}", HEAD, [list(map(latex, row)) for row in comparison_rows(comparison)]),
    ]
    return "\n".join(lines) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One row a search: algorithm, seed, share of the reference hypervolume at every checkpoint to six decimals.

    What was never reached, or is not known because no network met the limits, is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    targets = [f"evaluations_to_{target:g}" for target in TARGETS]
    points = [f"hypervolume_{point}" for point in comparison.checkpoints]
    writer.writerow(["algorithm", "seed", "igd_plus", *targets, "best", "seconds", *points])
    for name, standing in comparison.standings.items():
        for seed in range(comparison.plan.seeds):
            writer.writerow(
                [
                    name,
                    seed + 1,
                    _cell(standing.igd_plus[seed]),
                    *map(_cell, standing.to_target[:, seed]),
                    _cell(standing.best[seed]),
                    round(float(standing.seconds[seed]), 3),
                    *(round(value, 6) for value in standing.hypervolumes[seed].tolist()),
                ]
            )
    return text.getvalue()


def statistics_csv(comparison: Comparison) -> str:
    """One row an algorithm, in full precision: quartiles over the seeds, mean rank, and what the first did against it.

    What was never reached, or is not known because no network met the limits, is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = ["hypervolume", "igd_plus", *(f"evaluations_to_{target:g}" for target in TARGETS), "best", "seconds"]
    quartiles = [f"{label}_{part}" for label in labels for part in ("median", "low", "high")]
    writer.writerow(["algorithm", *quartiles, "rank", "p_holm", "a12", "against_it"])
    against = {contest.rival: contest for contest in comparison.contests}
    for name, standing in comparison.standings.items():
        measures = [standing.final, standing.igd_plus, *standing.to_target, standing.best, standing.seconds]
        cells = [_cell(value) for one in map(Summary.of, measures) for value in (one.median, one.low, one.high)]
        contest = against.get(name)
        judged = [contest.p, contest.effect, contest.outcome] if contest else ["", "", ""]
        writer.writerow([name, *cells, comparison.ranks[name], *judged])
    return text.getvalue()


def _cell(value: float) -> float | str:
    return float(value) if math.isfinite(value) else ""


def comparison_legend(comparison: Comparison) -> str:
    """What the columns are, without a full stop."""
    first = comparison.plan.algorithms[0]
    shares = ", ".join(f"{target:.0%}" for target in TARGETS)
    return (
        f"IGD+: distance of the front from the reference; to {shares}: evaluations until that share of the reference "
        f"hypervolume, looked at every {STEP}; best: {comparison.objectives[0]}; {contest_legend(first)}; s: processor "
        "seconds of a search, without workers"
    )


def comparison_verdict(comparison: Comparison) -> str:
    """One sentence on the first algorithm."""
    plan = comparison.plan
    return verdict(
        comparison.contests,
        plan.algorithms[0],
        seeds=plan.seeds,
        evaluations=plan.evaluations,
        judged=_judged(comparison),
    )


def comparison_basis(comparison: Comparison) -> str:
    """What the cells are, without a full stop."""
    reference = "the true front, by enumeration" if comparison.exact else "the best that all searches found"
    judged = _judged(comparison)
    seeds = comparison.plan.seeds
    share = "hypervolume as a share of "
    if not comparison.reference.hypervolume:
        share = "hypervolume: for want of one, since all are extremes, the share of the points that is attained, of "
    return (
        f"Medians (quartiles) of {seeds} seed{'s' * (seeds > 1)}; {share}{reference}{f', {judged}' if judged else ''}"
    )


def _judged(comparison: Comparison) -> str:
    """By what, where searches could be judged by something else."""
    if comparison.plan.as_searched:
        return "judged by what was searched"
    searched = comparison.plan.problem.objectives
    return "" if tuple(comparison.objectives) == tuple(searched) else "judged by true error"


def comparison_document(comparison: Comparison) -> ComparisonDocument:
    """The comparison as plain data."""
    plan = comparison.plan
    return ComparisonDocument(
        FORMAT,
        plan.problem.name,
        list(comparison.objectives),
        plan.seeds,
        plan.evaluations,
        comparison.exact,
        comparison_verdict(comparison),
        [msgspec.convert(vars(contest), ContestResult) for contest in comparison.contests],
        comparison.ranks,
        {
            name: AlgorithmResult(
                standing.final.tolist(),
                _known(standing.igd_plus.tolist()),
                {f"{t:g}": _known(row) for t, row in zip(TARGETS, standing.to_target.tolist(), strict=True)},
                _known(standing.best.tolist()),
                standing.seconds.tolist(),
                [_sorted(front) for front in comparison.fronts[name]],
            )
            for name, standing in comparison.standings.items()
        },
        _sorted(comparison.reference.front),
        versions(),
        plan.as_searched,
        comparison.reference.ideal.tolist(),
        comparison.reference.nadir.tolist(),
        comparison.reference.hypervolume,
    )


def comparison_json(comparison: Comparison) -> str:
    """The comparison as a JSON document, see `ComparisonDocument`; numbers in full precision."""
    return encode(comparison_document(comparison))


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.md`, `.tex`, `.csv`, `.json` and `comparison.statistics.csv` into `folder`."""
    for suffix, make in {
        "md": comparison_markdown,
        "tex": comparison_latex,
        "csv": comparison_csv,
        "statistics.csv": statistics_csv,
        "json": comparison_json,
    }.items():
        write_atomically(folder / f"comparison.{suffix}", make(comparison))


def _spread(summary: Summary, digits: int, infinite: str = "never") -> str:
    def number(value: float) -> str:
        return f"{value:.{digits}f}" if math.isfinite(value) else infinite

    if not (math.isfinite(summary.median) or math.isfinite(summary.low) or math.isfinite(summary.high)):
        return infinite
    return f"{number(summary.median)} ({number(summary.low)} to {number(summary.high)})"


def _known(values: Iterable[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def _sorted(front: NDArray[np.float64]) -> Front:
    return sorted(front.tolist())
