"""What the commands print: JSON for scripts, tables for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

WIDTH_OF_PIPE = 200
"""Columns of a table that is not printed on a terminal, where nothing should be cut."""


def print_json(document: object) -> None:
    """One JSON document on stdout; numbers that JSON cannot hold (NaN, infinity) become null."""
    click.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


@contextmanager
def only_results_on_stdout(wanted: bool) -> Iterator[None]:
    """Around code of the user: what it prints goes to stderr where stdout is `wanted` for the result alone."""
    with redirect_stdout(sys.stderr if wanted else sys.stdout):
        yield


def print_table(table: Table, *, blocks: bool = False) -> None:
    """A rich table on stdout, as wide as the terminal; with `blocks` row by row where the terminal is too narrow."""
    console = _console()
    wanted = console.measure(table, options=console.options.update(max_width=WIDTH_OF_PIPE)).maximum
    if blocks and wanted > console.width:
        _print_blocks(console, table)
    else:
        console.print(table)


def _print_blocks(console: Console, table: Table) -> None:
    """One block a row: its cells below one another, beside the headings of their columns."""
    from rich.table import Table

    if table.title:
        console.print(table.title, style="table.title")
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        block = Table.grid(padding=(0, 2))
        for column, cell in zip(table.columns, cells, strict=True):
            block.add_row(column.header, cell)
        console.print(block, "")


def print_view(view: RenderableType) -> None:
    """Anything of rich on stdout; lines that must not be broken may be longer than the terminal is wide."""
    _console().print(view, crop=False)


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_PIPE
    return console


@contextmanager
def progress_on_stderr(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, where that is a terminal; call what is given with (done, of how many)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def status_on_stderr(what: str) -> Iterator[None]:
    """A line on stderr that says what takes its time, where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
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
