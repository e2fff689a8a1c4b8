"""A comparison as tables: rows once, written as Markdown, LaTeX, CSV and JSON; the terminal prints the same."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

from coernas_moo.benchmarks.comparison import TARGETS, Comparison
from coernas_moo.benchmarks.statistics import Summary, verdict
from coernas_moo.files import write_atomically

FORMAT = "coernas-comparison-1"
"""Name and version of the JSON document: the version changes when a key changes its meaning or goes."""

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
contests are those of the first algorithm."""


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
                _spread(comparison.summary(name, "igd_plus"), 4),
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


def comparison_verdict(comparison: Comparison) -> str:
    """One sentence on the first algorithm."""
    plan = comparison.plan
    return verdict(comparison.contests, plan.algorithms[0], seeds=plan.seeds, evaluations=plan.evaluations)


def comparison_markdown(comparison: Comparison) -> str:
    """The table with its verdict."""
    lines = [
        f"| {' | '.join(HEAD)} |",
        "|---|" + "---:|" * (len(HEAD) - 1),
        *(f"| {' | '.join(row)} |" for row in comparison_rows(comparison)),
        "",
        comparison_verdict(comparison),
    ]
    return "\n".join(lines) + "\n"


def comparison_latex(comparison: Comparison) -> str:
    """The table for the package booktabs."""
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(HEAD) - 1)}}}",
        r"\toprule",
        " & ".join(map(_latex, HEAD)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex, row)) + r" \\" for row in comparison_rows(comparison)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One row a search, in full precision: algorithm, seed, share of the reference hypervolume at every checkpoint."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    targets = [f"evaluations_to_{target:g}" for target in TARGETS]
    points = [f"hypervolume_{point}" for point in comparison.checkpoints]
    writer.writerow(["algorithm", "seed", "igd_plus", *targets, "best", "seconds", *points])
    for name, standing in comparison.standings.items():
        for seed in range(comparison.plan.seeds):
            reached = [value if math.isfinite(value) else "" for value in standing.to_target[:, seed].tolist()]
            writer.writerow(
                [
                    name,
                    seed + 1,
                    float(standing.igd_plus[seed]),
                    *reached,
                    float(standing.best[seed]),
                    round(float(standing.seconds[seed]), 3),
                    *(round(value, 6) for value in standing.hypervolumes[seed].tolist()),
                ]
            )
    return text.getvalue()


def comparison_json(comparison: Comparison) -> str:
    """One document: `format`, `problem`, `objectives`, `seeds`, `evaluations`, `exact` (whether the reference is the
    true front), `verdict`, `contests` (rival, p, effect, outcome), `ranks`, and by algorithm the seeds' values
    (`hypervolume`, `igd_plus`, `evaluations_to`, `best`, `seconds`); null where a target was never reached."""
    plan = comparison.plan
    document = {
        "format": FORMAT,
        "problem": plan.problem.name,
        "objectives": list(comparison.objectives),
        "seeds": plan.seeds,
        "evaluations": plan.evaluations,
        "exact": comparison.exact,
        "verdict": comparison_verdict(comparison),
        "contests": [vars(contest) for contest in comparison.contests],
        "ranks": comparison.ranks,
        "algorithms": {
            name: {
                "hypervolume": standing.final.tolist(),
                "igd_plus": standing.igd_plus.tolist(),
                "evaluations_to": {
                    f"{target:g}": [value if math.isfinite(value) else None for value in row]
                    for target, row in zip(TARGETS, standing.to_target.tolist(), strict=True)
                },
                "best": standing.best.tolist(),
                "seconds": standing.seconds.tolist(),
            }
            for name, standing in comparison.standings.items()
        },
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.md`, `.tex`, `.csv` and `.json` into `folder`."""
    for suffix, make in {
        "md": comparison_markdown,
        "tex": comparison_latex,
        "csv": comparison_csv,
        "json": comparison_json,
    }.items():
        write_atomically(folder / f"comparison.{suffix}", make(comparison))


def _spread(summary: Summary, digits: int) -> str:
    def number(value: float) -> str:
        return f"{value:.{digits}f}" if math.isfinite(value) else "never"

    return f"{number(summary.median)} ({number(summary.low)} to {number(summary.high)})"


def _latex(text: str) -> str:
    return text.replace("%", r"\%").replace("_", r"\_")
