"""A running search on screen: a table that moves on a terminal, a line a generation elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.record import Record
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.search_header import search_facts
from coernas_moo.reporting.tables import facts
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.spaces import SearchSpace

REFRESHES_A_SECOND = 4
ROWS = 8
FAILURES = 3

Print = Callable[[str], None]


class WarningsOnly(Listener):
    """Says what the user should know about the data, and nothing else.

    Args:
        warn: prints one warning.
    """

    def __init__(self, warn: Print) -> None:
        self._warn = warn

    def started(self, problem: ProblemFile, space: SearchSpace, dataset: Dataset, directory: Path) -> None:
        for message in dataset.info.warnings:
            self._warn(message)


class PlainLines(WarningsOnly):
    """The header, then one line a generation, and one for each candidate that failed.

    Args:
        write: prints one line.
        warn: prints one warning.
    """

    def __init__(self, write: Print, warn: Print) -> None:
        super().__init__(warn)
        self._write = write
        self._objective = ""

    def started(self, problem: ProblemFile, space: SearchSpace, dataset: Dataset, directory: Path) -> None:
        super().started(problem, space, dataset, directory)
        self._objective = problem.objectives[0]
        for label, text in search_facts(problem, space, dataset.info, directory).items():
            self._write(f"{label:<11} {text}")

    def evaluated(self, record: Record, progress: Progress) -> None:
        if record.failure is not None:
            self._write(f"failed      {record.text}: {record.failure}")

    def generation(self, progress: Progress) -> None:
        parts = [
            f"generation {_of(progress.generation, progress.generations)}",
            f"evaluations {_of(progress.evaluations, progress.max_evaluations)}",
            f"archive {progress.archive}",
            f"front {progress.front}",
            f"best {self._objective} {fmt.value(self._objective, progress.best)}",
            f"hypervolume {progress.hypervolume:.4f}",
            f"{progress.evaluations_per_second:.1f} evaluations/s",
        ]
        if progress.seconds_left is not None:
            parts.append(f"{clock(progress.seconds_left)} left")
        self._write("  ".join(parts))


class LiveScreen(WarningsOnly):
    """The header, then a table that is drawn anew a few times a second by a thread of its own.

    Events only leave their values here, so that the search does not wait for the screen. Use as a context manager,
    which gives the terminal back.

    Args:
        console: a terminal.
        warn: prints one warning.
    """

    def __init__(self, console: Console, warn: Print) -> None:
        super().__init__(warn)
        self._console = console
        self._live: Live | None = None
        self._objectives: tuple[str, ...] = ()
        self._done: deque[Progress] = deque(maxlen=ROWS)
        self._now: Progress | None = None
        self._at = time.monotonic()
        self._failures: deque[Record] = deque(maxlen=FAILURES)

    def __enter__(self) -> LiveScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._now = None
            self._live.stop()

    def started(self, problem: ProblemFile, space: SearchSpace, dataset: Dataset, directory: Path) -> None:
        super().started(problem, space, dataset, directory)
        self._objectives = problem.objectives
        rows = search_facts(problem, space, dataset.info, directory)
        self._console.print(facts((label, Text(text)) for label, text in rows.items()))
        self._at = time.monotonic()
        self._live = Live(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=REFRESHES_A_SECOND,
            vertical_overflow="crop",
        )
        self._live.start()

    def evaluated(self, record: Record, progress: Progress) -> None:
        if record.failure is not None:
            self._failures.append(record)
        self._now, self._at = progress, time.monotonic()

    def generation(self, progress: Progress) -> None:
        self._now, self._at = progress, time.monotonic()
        self._done.append(progress)

    def render(self) -> RenderableType:
        """What the screen shows now."""
        since = time.monotonic() - self._at
        now, done = self._now, list(self._done)
        if now is None and not done:
            return Text(f"\n{self._preparing()} {clock(since)}", style="dim")
        parts: list[RenderableType] = ["", self._table(done, now)]
        if now is not None:
            parts += ["", _bar(now, since)]
        failures = list(self._failures)
        if failures:
            count = max(done[-1].failures if done else 0, len(failures))
            parts.append(Text(f"{count} failed, the last:", style="red"))
            parts += [
                Text(f"  {record.text}: {record.failure}", no_wrap=True, overflow="ellipsis") for record in failures
            ]
        return Group(*parts)

    def _preparing(self) -> str:
        if "latency_ms" in self._objectives:
            return "starting; operators whose latency is not known yet are measured now, once a machine ..."
        return "starting ..."

    def _table(self, done: list[Progress], now: Progress | None) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        columns = (
            "generation",
            "evaluations",
            "archive",
            "front",
            f"best {fmt.label(self._objectives[0])}",
            "hypervolume",
            "evals/s",
        )
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        under_way = now is not None and (not done or now.evaluations > done[-1].evaluations) and now
        for progress in done[1:] if under_way and len(done) == ROWS else done:
            table.add_row(*self._row(progress))
        if under_way:
            generation = under_way.generation + 1
            table.add_row(
                _of(generation, under_way.generations),
                _of(under_way.evaluations, under_way.max_evaluations),
                *("" for _ in range(4)),
                f"{under_way.evaluations_per_second:.1f}",
                style="dim",
            )
        return table

    def _row(self, progress: Progress) -> list[str]:
        return [
            _of(progress.generation, progress.generations),
            _of(progress.evaluations, progress.max_evaluations),
            f"{progress.archive:,}",
            f"{progress.front:,}",
            fmt.value(self._objectives[0], progress.best),
            f"{progress.hypervolume:.4f}",
            f"{progress.evaluations_per_second:.1f}",
        ]


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours, minutes and seconds.

    Example:
        >>> clock(7.6), clock(754), clock(3754)
        ('0:08', '12:34', '1:02:34')
    """
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes}:{whole:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def _of(number: int, total: int | None) -> str:
    return f"{number:,}" if total is None else f"{number:,}/{total:,}"


def _bar(now: Progress, since: float) -> Table:
    """How much of the budget is used up, the time so far and the time left."""
    seconds = now.seconds + since
    row = Table.grid(padding=(0, 2))
    row.add_column(width=40)
    for _ in range(3):
        row.add_column(no_wrap=True)
    if now.seconds_left is None:
        row.add_row(ProgressBar(total=None, pulse=True, animation_time=seconds), f"{clock(seconds)} so far")
        return row
    left = max(0.0, now.seconds_left - since)
    share = seconds / (seconds + left) if seconds + left > 0 else 1.0
    row.add_row(
        ProgressBar(total=1.0, completed=share), f"{share:.0%}", f"{clock(seconds)} so far", f"{clock(left)} left"
    )
    return row
