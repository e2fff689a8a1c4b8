"""What the commands print: JSON for scripts, tables for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Column, Table
    from rich.text import TextType

BETWEEN = 3
"""Columns between those of a table."""

BREAKS_AT = 24
"""Columns that are enough for a text that may be broken."""

WIDTH_OF_PIPE = 200
"""Columns of a table that is not printed on a terminal, where nothing should be cut."""


class ListedInFull(click.Group):
    """A group whose help gives a whole sentence to each command."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands; click would cut their sentences off."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(limit=200)) for name, each in sorted(self.commands.items())]
            )


def print_json(document: object) -> None:
    """One JSON document on stdout; numbers that JSON cannot hold (NaN, infinity) become null."""
    click.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


@contextmanager
def only_results_on_stdout(wanted: bool) -> Iterator[None]:
    """Around code of the user: what it prints goes to stderr where stdout is `wanted` for the result alone."""
    with redirect_stdout(sys.stderr if wanted else sys.stdout):
        yield


def print_table(table: Table) -> None:
    """A rich table on stdout, as wide as the terminal; where that is too narrow, in parts with some columns each."""
    console = _console()
    for part in _parts(console, table):
        console.print(part)


def print_text(text: str) -> None:
    """A paragraph on stdout, broken between words where a terminal ends; one line elsewhere."""
    console = _console()
    click.echo(click.wrap_text(text, console.width) if console.is_terminal else text)


def fits(table: Table) -> bool:
    """Whether the terminal is wide enough for all of a table side by side."""
    console = _console()
    return _width(console, table) <= console.width


def _parts(console: Console, table: Table) -> Iterator[Table]:
    """The table, or its first column with as many others as fit, until all have been shown; no cell is cut."""
    if _width(console, table) <= console.width:
        yield table
        return
    first, *left = table.columns
    title = table.title
    while left:
        part = _with_columns(table, [first, left.pop(0)], title)
        while left and _width(console, wider := _with_columns(table, [*part.columns, left[0]], title)) <= console.width:
            part = wider
            left.pop(0)
        yield part
        title = None


def _width(console: Console, table: Table) -> int:
    """The least that shows the table well: names and numbers whole, other cells with line breaks."""
    options = console.options.update(max_width=WIDTH_OF_PIPE)
    widths = []
    for position, column in enumerate(table.columns):
        found = [console.measure(cell, options=options) for cell in (column.header, *column.cells)]
        whole = max(one.maximum for one in found)
        breaks = not column.no_wrap and position > 0
        widths.append(min(whole, max(BREAKS_AT, len(str(column.header)))) if breaks else whole)
    return sum(widths) + BETWEEN * len(widths)


def _with_columns(table: Table, columns: Sequence[Column], title: TextType | None) -> Table:
    from rich.table import Table

    part = Table(box=table.box, pad_edge=table.pad_edge, title=title, title_justify=table.title_justify)
    for position, column in enumerate(columns):
        part.add_column(column.header, justify=column.justify, no_wrap=column.no_wrap or position == 0)
    for cells in zip(*(column.cells for column in columns), strict=True):
        part.add_row(*cells)
    return part


def print_view(view: RenderableType) -> None:
    """Anything of rich on stdout; lines that must not be broken may be longer than the terminal is wide."""
    _console().print(view, crop=False)


def _console() -> Console:
    from rich.console import Console

    # Names are the user's: brackets and colons in them mean nothing.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_PIPE
    return console


@contextmanager
def progress_on_stderr(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, where that is a terminal; call what is given with (done, of how many)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, emoji=False)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def status_on_stderr(what: str) -> Iterator[None]:
    """A line on stderr that says what takes its time, where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True, markup=False, emoji=False)
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


def table_of(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """An empty table with these columns, those in `right` aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in right)
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
