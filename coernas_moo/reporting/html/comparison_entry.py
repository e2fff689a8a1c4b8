"""A comparison of the report, read from the files `coernas compare` leaves: no search is judged again."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.attainment import attainment_surface
from coernas_moo.benchmarks.quartiles import Summary
from coernas_moo.errors import RunError
from coernas_moo.folders import COMPARISON
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.comparison_document import ComparisonDocument, Front, contest_legend, read_comparison
from coernas_moo.reporting.html.numbers import shorts
from coernas_moo.search.dominance import non_dominated

TABLE, PROBLEM = "comparison.csv", "problem.toml"
_CURVE = "hypervolume_"
QUARTILES = (0.25, 0.5, 0.75)

Surface = list[list[float | None]]


class AlgorithmData(msgspec.Struct, frozen=True):
    """One algorithm of a comparison.

    Args:
        name: of the algorithm.
        curve: quartiles of the share of the reference hypervolume, one list each, a value a checkpoint.
        final, igd_plus, seconds: a value a seed.
        reached: share of the reference hypervolume to evaluations, null where it was never reached.
        surfaces: for each objective after the first, attainment surfaces of a quarter, half and three quarters of the
            searches, points (that objective, first objective); empty where there are none.
    """

    name: str
    curve: list[list[float | None]]
    final: list[float | None]
    igd_plus: list[float | None]
    seconds: list[float | None]
    reached: dict[str, list[float | None]]
    surfaces: list[list[Surface]]


class ComparisonData(msgspec.Struct, frozen=True):
    """What the scripts draw a comparison from.

    Args:
        titles: of the objectives, beside axes.
        reference: for each objective after the first, points (that objective, first objective), scores as they are,
            not with their sign turned.
    """

    id: str
    name: str
    titles: list[str]
    evaluations: int
    exact: bool
    checkpoints: list[int]
    algorithms: list[AlgorithmData]
    reference: list[Surface]
    kind: str = "comparison"


@dataclass(frozen=True)
class ComparisonEntry:
    """A comparison as the template shows it; fields as in `RunEntry`."""

    data: ComparisonData
    title: str
    subtitle: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    command: str
    problem: str
    versions: Mapping[str, str]
    kind: str = "comparison"


def comparison_entry(folder: Path, identity: str) -> ComparisonEntry:
    """Everything the report says about a comparison.

    Args:
        folder: where `coernas compare` left its files.
        identity: of the entry, unique in the page.

    Raises:
        RunError: a file is missing, or is not what it should be.
    """
    document = read_comparison(folder / COMPARISON)
    checkpoints, curves = _read_curves(folder / TABLE)
    problem = folder / PROBLEM
    data = ComparisonData(
        identity,
        folder.resolve().name,
        [fmt.axis_title(name) for name in document.objectives],
        document.evaluations,
        document.exact,
        checkpoints,
        [_algorithm(document, name, curves.get(name)) for name in document.algorithms],
        [_turned(document, _pairs(document.reference, cost).tolist()) for cost in _costs(document)],
    )
    head, rows = _table(document)
    return ComparisonEntry(
        data,
        title=f"Comparison on {document.problem}{', as searched' if document.as_searched else ''}",
        subtitle=f"{folder.resolve().name}: {len(document.algorithms)} algorithms, {document.seeds} seeds, "
        f"{document.evaluations:,} evaluations",
        verdict=document.verdict,
        facts=tuple(_facts(document, folder)),
        head=head,
        rows=rows,
        command=_command(document, folder, problem),
        problem=problem.read_text(encoding="utf-8", errors="replace") if problem.exists() else "",
        versions=document.versions,
    )


def _facts(document: ComparisonDocument, folder: Path) -> Iterator[tuple[str, str]]:
    yield "problem", document.problem
    yield "objectives", ", ".join(document.objectives)
    yield "budget", f"{document.evaluations:,} distinct networks a search, {document.seeds} seeds"
    yield (
        "judged against",
        ("the true front, by enumeration" if document.exact else "the best that all searches found")
        + (", by what was searched" if document.as_searched else ""),
    )
    first = next(iter(document.algorithms))
    yield (
        "columns",
        f"{contest_legend(first)}; time: of the processor for a search, without workers",
    )
    yield "directory", str(folder)


def _command(document: ComparisonDocument, folder: Path, problem: Path) -> str:
    """The command; with a folder of its own, for in the old one all searches are done."""
    source = str(problem) if problem.exists() else document.problem
    words = ["coernas", "compare", source, "--algorithms", ",".join(document.algorithms)]
    words += ["--seeds", str(document.seeds), "--evaluations", str(document.evaluations)]
    words += ["--out", f"{str(folder).removesuffix('-as-searched')}-again"]
    return shlex.join([*words, *(["--as-searched"] if document.as_searched else [])])


def _read_curves(path: Path) -> tuple[list[int], dict[str, NDArray[np.float64]]]:
    """Checkpoints, and by algorithm the curves (seeds, checkpoints)."""
    curves: dict[str, list[list[float]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = [name for name in reader.fieldnames or () if name.startswith(_CURVE)]
            for row in reader:
                curves.setdefault(row["algorithm"], []).append([float(row[name]) for name in columns])
        checkpoints = [int(name.removeprefix(_CURVE)) for name in columns]
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}; make it again with 'coernas compare'") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path}: not the table of a comparison ({error}); make it again with 'coernas compare'"
        ) from None
    return checkpoints, {name: np.array(rows) for name, rows in curves.items()}


def _algorithm(document: ComparisonDocument, name: str, curves: NDArray[np.float64] | None) -> AlgorithmData:
    result = document.algorithms[name]
    quartiles = [] if curves is None else [shorts(row) for row in np.quantile(curves, QUARTILES, axis=0)]
    return AlgorithmData(
        name,
        quartiles,
        shorts(result.hypervolume),
        shorts(_numbers(result.igd_plus)),
        shorts(result.seconds),
        {target: shorts(_numbers(values)) for target, values in result.evaluations_to.items()},
        [_surfaces(document, result.fronts, cost) for cost in _costs(document)],
    )


def _costs(document: ComparisonDocument) -> range:
    """Numbers of the objectives after the first; none where fronts are not in the document."""
    return range(1, len(document.objectives) if document.reference else 1)


def _pairs(front: Front, cost: int) -> NDArray[np.float64]:
    """Of points, the first objective and that numbered `cost`; only those that no other dominates in these two."""
    pairs = np.array(front, dtype=float)[:, [0, cost]] if front else np.empty((0, 2))
    return pairs[non_dominated(pairs)]


def _surfaces(document: ComparisonDocument, fronts: list[Front], cost: int) -> list[Surface]:
    """Of the first objective and another one; empty where three quarters of the searches reach nothing in common."""
    if not fronts:
        return []
    turned = [_pairs(front, cost)[:, ::-1] for front in fronts]
    surfaces = [attainment_surface(turned, share) for share in QUARTILES]
    if not all(map(len, surfaces)):
        return []
    return [_turned(document, surface[:, ::-1].tolist()) for surface in surfaces]


def _turned(document: ComparisonDocument, points: list[list[float]]) -> Surface:
    """Points (first objective, second objective), minimised, as (second, first); scores are shown as they are."""
    sign = -1.0 if document.objectives[0] == "score" else 1.0
    return [shorts([cost, sign * first]) for first, cost in points]


def _table(document: ComparisonDocument) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    against = {contest.rival: contest for contest in document.contests}
    targets = list(dict.fromkeys(target for result in document.algorithms.values() for target in result.evaluations_to))
    head = (
        "algorithm",
        "hypervolume",
        "IGD+",
        *(f"to {float(target):.0%}" for target in targets),
        f"best {fmt.label(document.objectives[0])}",
        "rank",
        "p (Holm)",
        "A12",
        "against it",
        "time",
    )
    rows = []
    for name, result in document.algorithms.items():
        contest = against.get(name)
        rows.append(
            (
                name,
                _median(result.hypervolume, 4),
                _median(_numbers(result.igd_plus), 4, "no front"),
                *(_median(_numbers(result.evaluations_to.get(target, [])), 0) for target in targets),
                _best(document, result.best),
                f"{document.ranks[name]:.2f}" if name in document.ranks else "",
                f"{contest.p:.2g}" if contest else "",
                f"{contest.effect:.2f}" if contest else "",
                contest.outcome if contest else "",
                _seconds(float(np.median(result.seconds))),
            )
        )
    return head, tuple(rows)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else fmt.duration(value)


def _best(document: ComparisonDocument, values: list[float | None]) -> str:
    """Median and quartiles of the best values; unknown where a search found nothing."""
    known = [value for value in values if value is not None]
    return _median(known, 2 if document.exact else 3) if known and len(known) == len(values) else fmt.UNKNOWN


def _numbers(values: list[float | None]) -> list[float]:
    """Values with what was never reached as infinity."""
    return [np.inf if value is None else value for value in values]


def _median(values: list[float], digits: int, infinite: str = "never") -> str:
    """Median and quartiles, where what was never reached counts as worst."""
    if not values:
        return fmt.UNKNOWN
    found = Summary.of(values)
    low, middle, high = (_number(value, digits, infinite) for value in (found.low, found.median, found.high))
    return middle if low == high else f"{middle} ({low} to {high})"


def _number(value: float, digits: int, infinite: str) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else infinite
