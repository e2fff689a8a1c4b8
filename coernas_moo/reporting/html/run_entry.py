"""One run of the report: what the page says about it, and the data its plots are drawn from."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from coernas_moo.networks.layers import Shape
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.architecture_text import python_lines
from coernas_moo.reporting.html.drawings import Drawings, drawings
from coernas_moo.reporting.html.numbers import short, shorts
from coernas_moo.reporting.html.operations import SegmentCounts, operations
from coernas_moo.reporting.html.points import Points, points
from coernas_moo.reporting.html.trained import TrainedModel, trained_metrics, trained_models, trained_table
from coernas_moo.reporting.marks import marks, picks
from coernas_moo.reporting.space_text import space_text
from coernas_moo.reporting.tables import objectives_text, source_text
from coernas_moo.search.dominance import non_dominated, normalised_hypervolume
from coernas_moo.search.history import read_history
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.run import Run

Facts = tuple[tuple[str, str], ...]


class RunData(msgspec.Struct, frozen=True):
    """What the scripts draw a run from.

    Args:
        id: of the entry in the page.
        name: of the run.
        points: everything that was scored.
        picks: `best`, `knee`, ... to a number in the front, from 1.
        drawings: of the front's networks.
        operations: choices on the front and in the archive.
        history: columns of `history.csv` by name; the hypervolume by the scores and ranges of the end.
        trained: networks that were trained.
        python: the lines that build a network of the front, `PICK` standing for its number.
        kind: tells runs from comparisons.
    """

    id: str
    name: str
    points: Points
    picks: dict[str, int]
    drawings: Drawings
    operations: list[SegmentCounts]
    history: dict[str, list[float | None]]
    trained: list[TrainedModel]
    python: list[str]
    kind: str = "run"


@dataclass(frozen=True)
class TableRow:
    """One network of the front in the page's table."""

    number: int
    values: tuple[str, ...]
    picked: str
    genotype: str


@dataclass(frozen=True)
class RunEntry:
    """A run as the template shows it.

    Args:
        data: for the scripts.
        title, subtitle: names of run and problem; what the problem is.
        facts: name and text, in the order in which they are shown.
        tiles: a few numbers that say how the search went.
        head, rows: the front as a table.
        proxies: whether there are any.
        trained_head, trained_rows: of trained networks.
        failures: reason, an example, how often.
        command: that reproduces the run.
        caveat: what the command does not promise, may be empty.
        problem: the resolved problem file.
        versions: of packages.
    """

    data: RunData
    title: str
    subtitle: str
    facts: Facts
    tiles: Facts
    head: tuple[str, ...]
    rows: tuple[TableRow, ...]
    proxies: bool
    trained_head: list[str]
    trained_rows: list[list[str]]
    failures: tuple[tuple[str, str, int], ...]
    command: str
    caveat: str
    problem: str
    versions: Mapping[str, str]
    kind: str = "run"


def run_entry(run: Run, identity: str) -> RunEntry:
    """Everything the report says about a run.

    Args:
        run: finished or not.
        identity: of the entry, unique in the page.

    Raises:
        RunError: its journal cannot be read.
    """
    path = run.directory.path
    trained = trained_metrics(path)
    head, rows = trained_table(trained)
    found = points(run)
    data = RunData(
        identity,
        path.resolve().name,
        found,
        picks(run),
        drawings(run, run.front),
        operations(run),
        _history(run),
        trained_models(trained),
        python_lines(run, "PICK"),
    )
    return RunEntry(
        data=data,
        title=path.resolve().name,
        subtitle=run.problem.description,
        facts=tuple(_facts(run)),
        tiles=tuple(_tiles(run)),
        head=("#", *(fmt.label(name) for name in run.problem.objectives), "pick", "genotype"),
        rows=tuple(_rows(run)),
        proxies=any(axis.role == "proxy" for axis in found.axes),
        trained_head=head,
        trained_rows=rows,
        failures=tuple(_failures(run)),
        command=reproduce_command(run),
        caveat=_caveat(run),
        problem=run.problem.to_toml(),
        versions=run.state.versions,
    )


def reproduce_command(run: Run) -> str:
    """The command that makes the run again; for one that was cut short, up to where it came."""
    path = run.directory.path
    words = ["coernas", "search", str(run.directory.problem), "--out", f"{path}-again"]
    if _cut_short(run):
        words += ["--evaluations", str(run.archive.evaluations)]
    return shlex.join(words)


def _cut_short(run: Run) -> bool:
    """Whether something ended the run that is not in its problem file, or that no other machine repeats."""
    return run.state.status != "finished" or run.problem.search.seconds is not None


def _caveat(run: Run) -> str:
    parts = []
    if run.problem.plugins:
        parts.append(f"It needs the plugins the problem file names: {', '.join(run.problem.plugins)}.")
    if run.problem.data.get("path"):
        parts.append(f"It needs the images at {run.problem.data['path']}.")
    if _cut_short(run):
        parts.append("This run was ended by time or from outside, so the end of the other may differ.")
    if any(objective.needs == "device" for objective in run.archive.objectives):
        parts.append("Latency is that of the machine that searches.")
    return " ".join(parts)


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    problem, state = run.problem, run.state
    preset = effective_preset(problem.search)
    yield "problem", problem.name
    yield "data", f"{source_text(run)}, images {Shape(*state.shape)}, {len(state.classes):,} classes"
    yield "classes", ", ".join(state.classes)
    yield "space", f"{problem.space['kind']}: {space_text(run.space)}"
    yield "objectives", objectives_text(run)
    if "score" in problem.objectives:
        yield "score", f"{', '.join(problem.score.proxies)}; ranks fused with p = {problem.score.p:g}"
    yield (
        "search",
        f"{problem.search.algorithm}, preset {problem.search.preset}, population {preset.population}, "
        f"seed {problem.search.seed}",
    )
    detail = "or killed: --resume continues it" if state.status == "running" else state.reason
    yield "status", f"{state.status}, {detail}" if detail else state.status
    yield "directory", str(run.directory.path)


def _tiles(run: Run) -> Iterator[tuple[str, str]]:
    archive, state = run.archive, run.state
    yield "networks evaluated", f"{archive.evaluations:,}"
    yield "on the front", f"{len(run.front):,}"
    yield "time", fmt.duration(state.seconds)
    yield "a second", f"{archive.evaluations / state.seconds:.3g}" if state.seconds > 0 else fmt.UNKNOWN
    first = archive.objectives[0]
    best = run.front[0].objectives[first.name] if run.front else float("nan")
    yield f"best {fmt.label(first.name)}", fmt.value(first.name, best)
    for objective in archive.objectives[1:3]:
        values = [member.objectives[objective.name] for member in run.front] or [float("nan")]
        # A line may break between the two, not between a number and its unit.
        low, high = (fmt.value(objective.name, pick(values)).replace(" ", "\u00a0") for pick in (min, max))
        yield fmt.label(objective.name), low if low == high else f"{low} to {high}"


def _rows(run: Run) -> Iterator[TableRow]:
    named = marks(run)
    for member in run.front:
        values = tuple(fmt.value(name, value) for name, value in member.objectives.items())
        yield TableRow(member.number, values, named.get(member.number, ""), member.text)


def _failures(run: Run) -> Iterator[tuple[str, str, int]]:
    failures = run.archive.failures
    examples = {record.failure: record.text for record in reversed(failures)}
    for reason, times in Counter(record.failure for record in failures).most_common():
        yield str(reason), examples[reason], times


def _history(run: Run) -> dict[str, list[float | None]]:
    rows = read_history(run.directory.history) if run.directory.history.exists() else []
    if not rows:
        return {}
    columns = {name: [short(row[name]) for row in rows] for name in rows[0]}
    return columns | {"hypervolume": shorts(_hypervolumes(run, [int(row["archive"]) for row in rows]))}


def _hypervolumes(run: Run, sizes: list[int]) -> Iterator[float]:
    """Of what the first so many of the archive come to, all by the scores and ranges of the end.

    What the search said as it went is scaled by what was known then, and falls where that grows.
    """
    archive = run.archive
    place = {record.text: position for position, record in enumerate(archive)}
    texts = archive.ranked()
    if not texts:
        yield from (0.0 for _ in sizes)
        return
    values = archive.objective_values(texts)
    found_at = np.array([place[text] for text in texts])
    feasible = (archive.constraint_values(texts) <= 0).all(axis=1)
    for size in sizes:
        found = values[feasible & (found_at < size)]
        yield normalised_hypervolume(found[non_dominated(found)] if len(found) else found, values)
