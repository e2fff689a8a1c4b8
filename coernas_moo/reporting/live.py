"""A running search on screen: a table that moves on a terminal, a line a generation elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.record import Record
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.screen import (
    ROWS,
    Screen,
    clock,
    table_of_steps,
    time_bar,
    without_what_does_not_fit,
)
from coernas_moo.reporting.search_header import search_facts
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.spaces import SearchSpace

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


class LiveScreen(Screen, WarningsOnly):
    """The header, then a table of the last generations.

    Args:
        console: a terminal.
        warn: prints one warning.
    """

    def __init__(self, console: Console, warn: Print) -> None:
        Screen.__init__(self, console)
        WarningsOnly.__init__(self, warn)
        self._objectives: tuple[str, ...] = ()
        self._done: deque[Progress] = deque(maxlen=ROWS)
        self._now: Progress | None = None
        self._failures: deque[Record] = deque(maxlen=FAILURES)

    def started(self, problem: ProblemFile, space: SearchSpace, dataset: Dataset, directory: Path) -> None:
        super().started(problem, space, dataset, directory)
        self._objectives = problem.objectives
        self._begin(search_facts(problem, space, dataset.info, directory))

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
            left = None if now.seconds_left is None else now.seconds_left - since
            parts += ["", time_bar(now.seconds + since, left)]
        failures = list(self._failures)
        if failures:
            count = max(done[-1].failures if done else 0, len(failures))
            parts.append(Text(f"{count} failed, the last:", style="red"))
            parts += [
                Text(f"  {record.text}: {record.failure}", no_wrap=True, overflow="ellipsis") for record in failures
            ]
        return Group(*parts)

    def _stop(self) -> None:
        # What stays on the screen has no bar.
        self._now = None
        super()._stop()

    def _preparing(self) -> str:
        if "latency_ms" in self._objectives:
            return "starting; operators whose latency is not known yet are measured now, once a machine ..."
        return "starting ..."

    def _table(self, done: list[Progress], now: Progress | None) -> Table:
        columns = (
            "generation",
            "evaluations",
            "archive",
            "front",
            f"best {fmt.label(self._objectives[0])}",
            "hypervolume",
            "evals/s",
        )
        table = table_of_steps(columns)
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
        return without_what_does_not_fit(table, self._console)

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


def _of(number: int, total: int | None) -> str:
    return f"{number:,}" if total is None else f"{number:,}/{total:,}"
