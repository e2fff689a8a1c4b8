"""Limits of searches by the score as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from coernas_moo.benchmarks.score_limit import ScoreLimit
from coernas_moo.reporting.page import markdown_table


def limits_markdown(limits: Sequence[ScoreLimit]) -> str:
    """A row a problem, initialisations side by side.

    Args:
        limits: the same initialisations of each problem.
    """
    by_problem: dict[str, list[ScoreLimit]] = {}
    for limit in limits:
        by_problem.setdefault(limit.problem, []).append(limit)
    seeds = list(dict.fromkeys(limit.seed for limit in limits))
    head = ["problem", *(f"by score, initialisation {seed}" for seed in seeds), "by true error"]
    rows = [
        [name, *(f"{each.share:.4f} ({each.members})" for each in own), f"{own[0].best:.4f}"]
        for name, own in by_problem.items()
    ]
    lines = [
        "Fronts of all networks as shares of the hypervolume of the true front; in brackets networks on the front.",
        "",
        *markdown_table(head, rows),
    ]
    return "\n".join(lines) + "\n"
