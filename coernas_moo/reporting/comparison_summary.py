"""Comparisons on several problems as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from coernas_moo.benchmarks.comparison_summary import Finished, RegretRatio, regret_ratios
from coernas_moo.errors import CoernasError
from coernas_moo.reporting.markup import booktabs, latex


@dataclass(frozen=True)
class SummaryTable:
    """A table with what is said before and after it; without rows only that is said."""

    before: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    after: str = ""


def summary_tables(finished: Sequence[Finished], rivals: Sequence[str], at: Sequence[int]) -> list[SummaryTable]:
    """Three tables: medians of the share of the reference hypervolume, the first algorithm against its rivals, and
    regret over all problems.

    Args:
        finished: comparisons, the same algorithm first in each.
        rivals: of the second table; the best of them is what regret is divided by.
        at: evaluations of the columns.

    Raises:
        CoernasError: no comparison has searches of a rival.
    """
    names = list(dict.fromkeys(name for each in finished for name in each.curves))
    for rival in rivals:
        if rival not in names:
            raise CoernasError(f"--rivals: no comparison has searches of {rival!r}; they have {', '.join(names)}")
    shares = SummaryTable(
        f"Median share of the reference hypervolume after {' / '.join(map(str, at))} evaluations.",
        ["problem", *names],
        [[each.problem, *(_medians(each, name, at) for name in names)] for each in finished],
    )
    held = [rival for rival in rivals if rival != names[0] and all(rival in each.curves for each in finished)]
    return [shares, *_contests(finished, names[0], held), ratios_table(finished, at)]


def _medians(each: Finished, name: str, at: Sequence[int]) -> str:
    return " / ".join(f"{np.median(each.at(name, n)):.4f}" for n in at) if name in each.curves else ""


def _contests(finished: Sequence[Finished], first: str, held: Sequence[str]) -> list[SummaryTable]:
    if not held:
        return []
    if any(next(iter(each.curves)) != first for each in finished):
        return [SummaryTable(f"Not all comparisons hold {first} against the others, so there is no table of contests.")]
    rows: list[list[str]] = []
    outcomes: list[str] = []
    alone: list[str] = []
    for each in finished:
        best, contests = each.best(held), {contest.rival: contest for contest in each.contests}
        against = [contests[rival] for rival in held]
        outcomes += [contest.outcome for contest in against]
        alone += [contest.outcome for contest in each.contests_with(held)]
        cells = [f"{each.regret_ratio(best):.2f}", str(each.evaluations_to(best) or "never")]
        rows.append([each.problem, *cells, *(f"{contest.outcome} ({contest.p:.2g})" for contest in against)])
    more = any(len(each.contests) > len(held) for each in finished)
    over = " over all rivals of a comparison" if more else ""
    after = f"Of {len(outcomes)} contests: {_counted(outcomes)} (p after Holm's correction{over} in brackets)."
    if more:
        after += f"\nCorrected over {', '.join(held)} alone: {_counted(alone)}."
    return [
        SummaryTable(
            f"{first} against {', '.join(held)}; regret is one minus the share at the end.",
            ["problem", "regret over the best one's", "evaluations to its final share", *held],
            rows,
            after,
        )
    ]


def _counted(outcomes: Sequence[str]) -> str:
    counted = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("won", "tied", "lost"))
    return counted + (f", {outcomes.count('open')} open for want of seeds" if "open" in outcomes else "")


def ratios_table(
    finished: Sequence[Finished],
    at: Sequence[int],
    reference: str | None = None,
    algorithms: Sequence[str] | None = None,
) -> SummaryTable:
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
    rows = []
    for algorithm in _rows(ratios[0], algorithms):
        found = [each[algorithm] for each in ratios]
        rows.append([algorithm, *map(_spread, found), f"{found[-1].worse_on} of {found[-1].problems}"])
    return SummaryTable(
        f"Geometric mean of (regret + 1e-4) over problems and seeds, relative to {name}; above 1 is worse. In brackets"
        "\nits 95 % interval over seeds of these problems; worse on: problems on which the median regret "
        f"after {at[-1]} evaluations is larger.",
        ["algorithm", *(f"at {n}" for n in at), "worse on"],
        rows,
    )


def summary_markdown(tables: Sequence[SummaryTable]) -> str:
    """The tables, one below the other, with what is said about them."""
    return "\n\n".join(part for table in tables for part in _markdown_parts(table)) + "\n"


def _markdown_parts(table: SummaryTable) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in (table.head, *table.rows)]
    lines.insert(1, "|---|" + "---:|" * (len(table.head) - 1))
    return [part for part in (table.before, "\n".join(lines) if table.rows else "", table.after) if part]


def summary_latex(tables: Sequence[SummaryTable]) -> str:
    """The tables for the package booktabs; what is said about them are comments."""
    return "\n\n".join("\n".join(_latex_lines(table)) for table in tables) + "\n"


def _latex_lines(table: SummaryTable) -> list[str]:
    lines = [f"% {line}" for line in table.before.splitlines()]
    if table.rows:
        cells = [list(map(latex, row)) for row in table.rows]
        lines += booktabs(f"l{'r' * (len(table.head) - 1)}", table.head, cells)
    return lines + [f"% {line}" for line in table.after.splitlines()]


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


def _rows(ratios: Mapping[str, RegretRatio], algorithms: Sequence[str] | None) -> list[str]:
    for name in algorithms or ():
        if name not in ratios:
            raise CoernasError(f"{name!r} is not in all of the comparisons; these are: {', '.join(ratios)}")
    return list(ratios) if algorithms is None else list(algorithms)


def _spread(found: RegretRatio) -> str:
    if not found.low < found.high:
        return f"x{found.ratio:.2f}"
    return f"x{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
