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


def print_table(table: Table) -> None:
    """A rich table on stdout, as wide as the terminal."""
    _console().print(table)


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
