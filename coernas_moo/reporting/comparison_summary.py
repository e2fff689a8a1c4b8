"""Comparisons on several problems as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields

import numpy as np

from coernas_moo.benchmarks.comparison_summary import Finished, RegretRatio, regret_ratios
from coernas_moo.errors import CoernasError


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
    for rival in rivals:
        if rival not in names:
            raise CoernasError(f"--rivals: no comparison has searches of {rival!r}; they have {', '.join(names)}")
    held = [rival for rival in rivals if rival != names[0] and all(rival in each.curves for each in finished)]
    alike = all(next(iter(each.curves)) == names[0] for each in finished)
    if held and not alike:
        lines += ["", f"Not all comparisons hold {names[0]} against the others, so there is no table of contests."]
    elif held:
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
    return "\n".join(lines) + "\n\n" + ratios_markdown(finished, at)


def ratios_markdown(
    finished: Sequence[Finished],
    at: Sequence[int],
    reference: str | None = None,
    algorithms: Sequence[str] | None = None,
) -> str:
    """One row an algorithm: its regret relative to the reference's, as `regret_ratios` has it.

    Args:
        finished: comparisons.
        at: evaluations of the columns.
        reference: by default the algorithm that comes first.
        algorithms: rows; by default all.

    Raises:
        CoernasError: a comparison has no search of one that is named.
    """
    ratios = [regret_ratios(finished, n, reference) for n in at]
    name = next(iter(finished[0].curves)) if reference is None else reference
    lines = [
        f"Geometric mean of (regret + 1e-4) over problems and seeds, relative to {name}; above 1 is worse. In brackets",
        f"its 95 % interval; worse on: problems on which the median regret after {at[-1]} evaluations is larger.",
        "",
        *_head("algorithm", [*(f"at {n}" for n in at), "worse on"]),
    ]
    for algorithm in _rows(ratios[0], algorithms):
        found = [each[algorithm] for each in ratios]
        cells = [*map(_spread, found), f"{found[-1].worse_on} of {found[-1].problems}"]
        lines.append(f"| {' | '.join([algorithm, *cells])} |")
    return "\n".join(lines) + "\n"


def ratios_csv(
    finished: Sequence[Finished],
    at: Sequence[int],
    reference: str | None = None,
    algorithms: Sequence[str] | None = None,
) -> str:
    """The same in full precision: one row an algorithm and number of evaluations."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["algorithm", "evaluations", *(field.name for field in fields(RegretRatio))])
    for n in at:
        ratios = regret_ratios(finished, n, reference)
        for algorithm in _rows(ratios, algorithms):
            writer.writerow([algorithm, n, *astuple(ratios[algorithm])])
    return text.getvalue()


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


def _rows(ratios: Mapping[str, RegretRatio], algorithms: Sequence[str] | None) -> list[str]:
    for name in algorithms or ():
        if name not in ratios:
            raise CoernasError(f"{name!r} is not in all of the comparisons; these are: {', '.join(ratios)}")
    return list(ratios) if algorithms is None else list(algorithms)


def _spread(found: RegretRatio) -> str:
    if not found.low < found.high:
        return f"x{found.ratio:.2f}"
    return f"x{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
