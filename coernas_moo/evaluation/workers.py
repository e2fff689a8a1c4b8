"""Worker processes: each holds the settings, gets one candidate at a time, and may die without harm.

`concurrent.futures` breaks as a whole when one worker is killed and cannot tell which task killed it; here a
worker has a pipe of its own, so a death costs the candidate it was working on one try, and a new worker starts.
A worker says when it is ready: one that ends before cannot work at all, and that is no candidate's fault.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Generic, TypeVar

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.child_process import start_context
from coernas_moo.evaluation.worker_process import Job, Try, WorkerProcess

__all__ = ["Finished", "Job", "Outcome", "WorkerPool"]

Item = TypeVar("Item")
Value = TypeVar("Value")

_HELD = 8
"""Items that a worker is given in advance where nobody will be there to feed it."""

_LONGEST_WAIT = 3600.0
"""Seconds after which is looked again, however long a try may take: the system's waits take no larger numbers."""

_FAILED_STARTS = 3
"""So many starts in a row may fail once one has succeeded: the system may kill a worker at any time."""


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """What became of one item: a value, or the reason why every try failed."""

    value: Value | None
    failure: str | None
    tries: int
    seconds: float


@dataclass(frozen=True)
class Finished(Generic[Item, Value]):
    """What became of the item at `position` of `job`."""

    job: Job[Item, Value]
    position: int
    outcome: Outcome[Value]


class WorkerPool(Generic[Item, Value]):
    """Runs `task` on items in `workers` processes, one torch thread each.

    `run` is for one job at a time. With `submit` several jobs can wait in line, so that no worker waits for the last
    item of one before the next is begun.

    Args:
        task: called in the workers; sent once, when a worker starts.
        workers: number of processes.
        tries: how often an item is tried before it counts as failed.
        timeout_seconds: a try that takes longer is stopped by killing its worker.
    """

    def __init__(
        self, task: Callable[[Item], Value], workers: int, *, tries: int = 2, timeout_seconds: float = 300.0
    ) -> None:
        self._task = task
        self._tries = tries
        self._timeout = timeout_seconds
        self._context = start_context()
        self._workers: list[WorkerProcess[Item, Value]] = []
        self._waiting: deque[Try[Item, Value]] = deque()
        self._size = workers
        self._ever_ready = False
        self._failed_starts = 0
        self._worked: list[tuple[float, float]] = []

    def run(self, items: Sequence[Item]) -> Generator[tuple[int, Outcome[Value]], None, None]:
        """Yield (position of the item, outcome) as items finish; closing the iterator abandons the rest.

        Raises:
            CoernasError: workers end, or hang, before they are ready; or a submitted job is unfinished.
        """
        if self._waiting or any(worker.busy for worker in self._workers):
            raise CoernasError("the worker processes are busy with another job")
        try:
            for finished in self.finish(self.submit(items)):
                yield finished.position, finished.outcome
        finally:
            self.abandon()

    def start(self) -> None:
        """Start all workers now, so that they get ready while something else is done."""
        self._start(self._size)

    def submit(self, items: Sequence[Item]) -> Job[Item, Value]:
        """Put items in line; workers that are free begin at once."""
        job: Job[Item, Value] = Job(items)
        self._waiting.extend(Try(job, position, 1) for position in range(len(job.items)))
        self._start(min(self._size, len(self._waiting) + sum(worker.busy for worker in self._workers)))
        self._feed()
        return job

    def finish(self, job: Job[Item, Value]) -> Iterator[Finished[Item, Value]]:
        """Yield outcomes, of other jobs too, as items finish, until the job has none left.

        A worker is given its next item before the last one's outcome is yielded, so that it does not wait for what
        is done with that.

        Raises:
            CoernasError: workers end, or hang, before they are ready.
        """
        while job.left:
            yield from self.attend()[0]

    def attend(self, others: Sequence[Connection] = ()) -> tuple[list[Finished[Item, Value]], list[Connection]]:
        """Wait until workers have something to say, or one of `others` has; feed workers that are free.

        Args:
            others: connections besides those of the workers.

        Returns:
            The outcomes of items, of whatever job, and those of `others` that can be read.

        Raises:
            CoernasError: workers end, or hang, before they are ready.
        """
        expected = [worker for worker in self._workers if worker.busy or not worker.ready]
        until = min((worker.deadline(self._timeout) for worker in expected), default=None)
        patience = None if until is None else min(max(0.0, until - time.monotonic()), _LONGEST_WAIT)
        heard = wait([*(worker.connection for worker in expected), *others], timeout=patience)
        finished = list(self._collect(expected, heard))
        self._feed()
        return finished, [other for other in others if other in heard]

    @property
    def busy_seconds(self) -> float:
        """Time in which at least one worker was at a try that has ended."""
        total, until = 0.0, 0.0
        for begin, end in sorted(self._worked):
            total += max(0.0, end - max(begin, until))
            until = max(until, end)
        return total

    def abandon(self) -> None:
        """Drop all that is in line or in work."""
        self._waiting.clear()
        for worker in [worker for worker in self._workers if worker.busy]:
            self._replace(worker, start=False)

    def close(self) -> None:
        """End all workers; what they are working on is lost."""
        for worker in self._workers:
            if worker.ready and not worker.busy:
                worker.end()
            else:
                worker.kill()
        self._workers.clear()

    def __enter__(self) -> WorkerPool[Item, Value]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def hand_out(self) -> None:
        """Give the workers items in advance, for a while in which `finish` is not called.

        Else each has one at a time, so that all of them end at about the same time.
        """
        for held in range(1, _HELD + 1):
            self._feed(held)

    def _feed(self, held: int = 1) -> None:
        for worker in list(self._workers):
            if self._waiting and worker.ready and len(worker.tries) < held:
                if worker.give(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    self._replace(worker)

    def _collect(
        self, expected: Sequence[WorkerProcess[Item, Value]], heard: Sequence[object]
    ) -> Iterator[Finished[Item, Value]]:
        for worker in expected:
            if not worker.ready:
                self._welcome(worker, worker.connection in heard)
                continue
            heard_of = worker.connection in heard
            if heard_of:
                for answered, value, failure, started, seconds in worker.answers():
                    yield from self._tried(answered, value, failure, started, seconds)
            if worker.ended:
                reason = worker.cause_of_death()
            elif not heard_of and time.monotonic() >= worker.deadline(self._timeout):
                reason = f"took longer than {self._timeout:g} s"
            else:
                continue
            self._replace(worker)
            if worker.tries:
                # What it held besides has not been tried.
                self._waiting.extendleft(list(worker.tries)[:0:-1])
                yield from self._tried(worker.tries[0], None, reason, worker.started, time.monotonic() - worker.started)

    def _tried(
        self, current: Try[Item, Value], value: Value | None, failure: str | None, started: float, seconds: float
    ) -> Iterator[Finished[Item, Value]]:
        self._worked.append((started, started + seconds))
        if failure is not None and current.number < self._tries:
            self._waiting.appendleft(Try(current.job, current.position, current.number + 1))
        else:
            current.job.left -= 1
            yield Finished(current.job, current.position, Outcome(value, failure, current.number, seconds))

    def _welcome(self, worker: WorkerProcess[Item, Value], heard: bool) -> None:
        """Note that a worker is ready, or that it never will be."""
        if heard and worker.says_ready():
            worker.ready = self._ever_ready = True
            self._failed_starts = 0
        elif heard or time.monotonic() >= worker.deadline(self._timeout):
            self._failed_starts += 1
            if not self._ever_ready or self._failed_starts > _FAILED_STARTS:
                reason = worker.why_not_ready(ended=heard)
                raise CoernasError(f"worker processes cannot start ({reason}); {self._how_to_start()}")
            self._replace(worker)

    def _how_to_start(self) -> str:
        if self._context.get_start_method() == "fork":
            return "what they print on stderr may say why"
        return (
            "here each of them imports the script that started the search: in a script, put what is to run under "
            '`if __name__ == "__main__":`'
        )

    def _start(self, size: int) -> None:
        while len(self._workers) < size:
            inherited = [worker.connection for worker in self._workers]
            self._workers.append(WorkerProcess(self._context, self._task, inherited))

    def _replace(self, worker: WorkerProcess[Item, Value], start: bool = True) -> None:
        worker.kill()
        self._workers.remove(worker)
        if start:
            self._start(len(self._workers) + 1)
