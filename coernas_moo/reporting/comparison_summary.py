"""Comparisons on several problems as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from coernas_moo.benchmarks.comparison_summary import Finished, regret_ratios


def summary_markdown(finished: Sequence[Finished], rivals: Sequence[str], at: Sequence[int]) -> str:
    """Three tables: medians of the share of the reference hypervolume, the first algorithm against its rivals, and
    regret over all problems.

    Args:
        finished: comparisons, the same algorithm first in each.
        rivals: of the second table; the best of them is what regret is divided by.
        at: evaluations of the columns.
    """
    names = list(dict.fromkeys(name for each in finished for name in each.curves))
    marks = " / ".join(map(str, at))
    lines = [f"Median share of the reference hypervolume after {marks} evaluations.", ""]
    lines += _head("problem", names)
    for each in finished:
        cells = [
            " / ".join(f"{np.median(each.at(name, n)):.4f}" for n in at) if name in each.curves else ""
            for name in names
        ]
        lines.append(f"| {' | '.join([each.problem, *cells])} |")
    held = [rival for rival in rivals if all(rival in each.curves for each in finished)]
    if held:
        lines += ["", f"{names[0]} against {', '.join(held)}; regret is one minus the share at the end.", ""]
        lines += _head("problem", ["regret over the best one's", "evaluations to its final share", *held])
        outcomes = []
        for each in finished:
            best, contests = each.best(held), {contest.rival: contest for contest in each.contests}
            against = [contests[rival] for rival in held]
            outcomes += [contest.outcome for contest in against]
            cells = [
                f"{each.regret_ratio(best):.2f}",
                str(each.evaluations_to(best) or "never"),
                *(f"{contest.outcome} ({contest.p:.2g})" for contest in against),
            ]
            lines.append(f"| {' | '.join([each.problem, *cells])} |")
        counted = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("won", "tied", "lost"))
        lines += ["", f"Of {len(outcomes)} contests: {counted} (p after Holm's correction in brackets)."]
    lines += ["", "Geometric mean of regret over problems and seeds, relative to the first; above 1 is worse.", ""]
    lines += _head("algorithm", [*(f"at {n}" for n in at), "worse on"])
    ratios = [regret_ratios(finished, n) for n in at]
    for name in ratios[0]:
        cells = [*(f"x{each[name][0]:.2f}" for each in ratios), f"{ratios[-1][name][1]} of {len(finished)}"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines) + "\n"


def summary_csv(finished: Sequence[Finished], at: Sequence[int]) -> str:
    """One row a search: algorithm, problem, seed, regret after each number of evaluations."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["algorithm", "problem", "seed", *(f"regret_{n}" for n in at)])
    for each in finished:
        for name, curves in each.curves.items():
            regrets = np.stack([1.0 - each.at(name, n) for n in at], axis=1)
            for seed in range(len(curves)):
                writer.writerow([name, each.problem, seed + 1, *(f"{value:.6f}" for value in regrets[seed].tolist())])
    return text.getvalue()


def _head(first: str, others: Sequence[str]) -> list[str]:
    return [f"| {' | '.join([first, *others])} |", "|---|" + "---:|" * len(others)]
