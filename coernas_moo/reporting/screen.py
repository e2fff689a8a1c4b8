"""A part of the terminal that is drawn anew while something runs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from coernas_moo.reporting.genotype_text import GenotypeText
from coernas_moo.reporting.tables import facts

REFRESHES_A_SECOND = 4
ROWS = 8
UNLIMITED = 1000
"""Columns of a terminal on which every table would fit."""


class Screen(ABC):
    """A header, then what `render` says, a few times a second, by a thread of its own.

    Events only leave their values in the screen, so that what runs does not wait for it. Use as a context manager,
    which gives the terminal back.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @abstractmethod
    def render(self) -> RenderableType:
        """What the screen shows now."""

    def _begin(self, header: Mapping[str, str]) -> None:
        self._console.print(
            facts((label, GenotypeText(text) if label == "genotype" else Text(text)) for label, text in header.items())
        )
        self._at = time.monotonic()
        self._live = Live(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=REFRESHES_A_SECOND,
            vertical_overflow="crop",
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def table_of_steps(columns: Sequence[str]) -> Table:
    """A table of numbers, a row a step of what runs."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def without_what_does_not_fit(table: Table, console: Console) -> Table:
    """The table less its last columns, as many as it takes for the others to be shown whole."""
    unlimited = console.options.update(max_width=UNLIMITED)
    while len(table.columns) > 1 and console.measure(table, options=unlimited).maximum > console.width:
        table.columns.pop()
    return table


def time_bar(seconds: float, left: float | None, share: float | None = None) -> Table:
    """How much is done, the time so far and the time left.

    Args:
        seconds: so far.
        left: seconds to come; None: nobody knows.
        share: done; by default that of the time.
    """
    row = Table.grid(padding=(0, 2))
    row.add_column(max_width=40)
    for _ in range(3):
        row.add_column(no_wrap=True)
    if left is None:
        row.add_row(ProgressBar(total=None, pulse=True, animation_time=seconds), f"{clock(seconds)} so far")
        return row
    left = max(0.0, left)
    if share is None:
        share = seconds / (seconds + left) if seconds + left > 0 else 1.0
    row.add_row(
        ProgressBar(total=1.0, completed=share), f"{share:.0%}", f"{clock(seconds)} so far", f"{clock(left)} left"
    )
    return row


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours, minutes and seconds.

    Example:
        >>> clock(7.6), clock(754), clock(3754)
        ('0:08', '12:34', '1:02:34')
    """
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes}:{whole:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"
