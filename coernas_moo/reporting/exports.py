"""The front as a file: CSV, JSON, Markdown, LaTeX, PNG, SVG."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coernas_moo.documents import read_json
from coernas_moo.files import write_atomically
from coernas_moo.objectives.objective import Direction
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.marks import marks, picks
from coernas_moo.reporting.markup import booktabs, latex, markdown_row
from coernas_moo.search.run import Run

FORMAT = "coernas-front-1"
"""Name and version of the JSON document; the version changes when a key changes its meaning or goes."""


class FrontObjective(msgspec.Struct, frozen=True):
    """Name, direction (`min` or `max`) and unit (may be empty) of one objective."""

    name: str
    direction: Direction
    unit: str


class FrontNetwork(msgspec.Struct, frozen=True):
    """One network of the front.

    Args:
        number: position in the front from 1, best first objective first.
        genotype: canonical, as text; every command and `SearchSpace.from_text` read it.
        codes: the same as option codes, one a gene.
        objectives, costs, proxies: name to value, null where not known; proxies are raw, higher is better.
    """

    number: int
    genotype: str
    codes: list[int]
    objectives: dict[str, float | None]
    costs: dict[str, float | None]
    proxies: dict[str, float | None]


class FrontDocument(msgspec.Struct, frozen=True):
    """The JSON export of a front; equal fronts make equal documents, byte for byte.

    Args:
        format: `coernas-front-1`.
        problem: the problem's name.
        seed: of the search.
        genes: gene names, in the order of `codes`.
        objectives: in the problem's order.
        limits: as the problem file writes them (`params <= 2e6`).
        picks: `best`, `knee`, `fastest`, `smallest` to the number of a network; empty for an empty front.
        networks: best first objective first.
    """

    format: str
    problem: str
    seed: int
    genes: list[str]
    objectives: list[FrontObjective]
    limits: list[str]
    picks: dict[str, int]
    networks: list[FrontNetwork]


def front_document(run: Run) -> FrontDocument:
    """The front as plain data."""
    problem = run.problem
    return FrontDocument(
        FORMAT,
        problem.name,
        problem.search.seed,
        list(run.space.genes),
        [FrontObjective(o.name, o.direction, o.unit) for o in run.archive.objectives],
        list(problem.limits),
        picks(run),
        [
            FrontNetwork(
                member.number,
                member.text,
                run.space.from_text(member.text).tolist(),
                _known(member.objectives),
                _known(member.costs),
                _known(member.proxies),
            )
            for member in run.front
        ],
    )


def front_json(run: Run) -> str:
    """The front as a JSON document, see `FrontDocument`; numbers in full precision."""
    document = msgspec.to_builtins(front_document(run))
    lists = ("objectives", "networks")
    lines = [f'"{key}": {_json(value)}' for key, value in document.items() if key not in lists]
    # One line a network, so that two fronts can be compared line by line.
    lines += [f'"{key}": [\n  ' + ",\n  ".join(map(_json, document[key])) + "\n ]" for key in lists]
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def read_front(path: Path) -> FrontDocument:
    """Read `front.json` back.

    Raises:
        RunError: the file is missing, or not such a document.
    """
    return read_json(path, FrontDocument, "an exported front", written_as=FORMAT)


def front_csv(run: Run) -> str:
    """One row a network, numbers in full precision, empty where not known.

    Columns: `number`, `genotype`, `pick`, the objectives, all other costs, and the raw proxies as `proxy_<name>`.
    """
    named = marks(run)
    rows: list[dict[str, object]] = []
    for member in run.front:
        row: dict[str, object] = {"number": member.number, "genotype": member.text}
        row["pick"] = named.get(member.number, "")
        row |= {**_known(member.objectives), **_known(member.costs)}
        row |= {f"proxy_{name}": value for name, value in _known(member.proxies).items()}
        rows.append(row)
    first = ["number", "genotype", "pick", *run.problem.objectives]
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(first, rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def front_markdown(run: Run) -> str:
    """The front as a Markdown table, numbers rounded for reading."""
    head, rows = _readable(run)
    numbers = len(head) - 2
    lines = [
        markdown_row(head),
        markdown_row(["---:"] * numbers + ["---", "---"]),
        *(markdown_row([*row[:-1], f"`{row[-1]}`"]) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def front_latex(run: Run) -> str:
    """The front as a LaTeX table for the package booktabs, numbers rounded for reading."""
    head, rows = _readable(run)
    cells = [[*map(latex, row[:-1]), rf"\texttt{{{latex(row[-1])}}}"] for row in rows]
    return "\n".join(booktabs(f"{'r' * (len(head) - 2)}ll", head, cells)) + "\n"


def front_png(run: Run) -> bytes:
    """The picture of the front as a PNG file; raises `RunError` where the front is empty."""
    from coernas_moo.reporting.figure import as_bytes
    from coernas_moo.reporting.front_plot import front_figure

    return as_bytes(front_figure(run), "png")


def front_svg(run: Run) -> bytes:
    """The picture of the front as an SVG file; raises `RunError` where the front is empty."""
    from coernas_moo.reporting.figure import as_bytes
    from coernas_moo.reporting.front_plot import front_figure

    return as_bytes(front_figure(run), "svg")


@dataclass(frozen=True)
class Export:
    """A format: the suffix of its files, and what makes their content."""

    suffix: str
    make: Callable[[Run], str | bytes]


EXPORTS: Mapping[str, Export] = {
    "csv": Export(".csv", front_csv),
    "json": Export(".json", front_json),
    "markdown": Export(".md", front_markdown),
    "latex": Export(".tex", front_latex),
    "png": Export(".png", front_png),
    "svg": Export(".svg", front_svg),
}
"""What `coernas front RUN --to` offers."""


def export_front(run: Run, name: str, path: Path | None = None) -> Path:
    """Write the front in one format; by default beside the run's other files.

    Raises:
        RunError: the file cannot be written, or a picture of an empty front is asked for.
    """
    export = EXPORTS[name]
    path = path or run.directory.front.with_suffix(export.suffix)
    write_atomically(path, export.make(run))
    return path


def write_front(run: Run) -> None:
    """Leave `front.csv` and `front.json` in the run's directory.

    Raises:
        RunError: they cannot be written.
    """
    for name in ("csv", "json"):
        export_front(run, name)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _columns(first: Iterable[str], rows: Iterable[Mapping[str, object]]) -> list[str]:
    names = dict.fromkeys(first)
    for row in rows:
        names |= dict.fromkeys(row)
    return list(names)


def _readable(run: Run) -> tuple[list[str], list[list[str]]]:
    named = marks(run)
    head = ["#", *(fmt.label(name) for name in run.problem.objectives), "pick", "genotype"]
    rows = [
        [
            str(member.number),
            *(fmt.value(name, value) for name, value in member.objectives.items()),
            named.get(member.number, ""),
            member.text,
        ]
        for member in run.front
    ]
    return head, rows
