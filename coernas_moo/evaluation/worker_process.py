"""One worker process, seen from both sides: what the pool holds of it, and its life from start to end."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from coernas_moo.evaluation.child_process import ChildProcess, settle
from coernas_moo.networks.memory import settle_allocator

Item = TypeVar("Item")
Value = TypeVar("Value")

START_SECONDS = 300.0
"""That a worker may take to get ready."""


class Job(Generic[Item, Value]):
    """Items that were submitted together, and how many of them have no outcome yet."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(items)
        self.left = len(self.items)


@dataclass(frozen=True)
class Try(Generic[Item, Value]):
    """The `number`th try of the item at `position` of `job`."""

    job: Job[Item, Value]
    position: int
    number: int


class WorkerProcess(ChildProcess, Generic[Item, Value]):
    """A worker as the pool sees it.

    Args:
        context: that starts it.
        task: called there with an item.
        inherited: the pool's ends of the pipes of other workers, which a forked worker closes.
    """

    def __init__(self, context: BaseContext, task: Callable[[Item], Any], inherited: list[Connection]) -> None:
        super().__init__(context, _serve, task, inherited=inherited)
        self.ready = self.ended = False
        self.started = time.monotonic()
        self.tries: deque[Try[Item, Value]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self.tries)

    def give(self, current: Try[Item, Value]) -> bool:
        """Have it try an item; False where it has died while it was idle, which is not the item's fault."""
        try:
            self.connection.send(current.job.items[current.position])
        except (BrokenPipeError, ConnectionResetError):
            # One that died at its work says so when its answer is read.
            if not self.tries:
                return False
        if not self.tries:
            self.started = time.monotonic()
        self.tries.append(current)
        return True

    def answers(self) -> Iterator[tuple[Try[Item, Value], Value | None, str | None, float, float]]:
        """What it has answered since: the try, value, failure, and when and how long it was at it."""
        try:
            while self.tries and self.connection.poll():
                value, failure, started, seconds = pickle.loads(self.connection.recv_bytes())
                self.started = started + seconds
                yield self.tries.popleft(), value, failure, started, seconds
        except (EOFError, OSError):
            self.ended = True

    def says_ready(self) -> bool:
        """Reads the first word of a worker; False where it has ended instead."""
        try:
            self.connection.recv_bytes()
        except (EOFError, OSError):
            return False
        return True

    def deadline(self, timeout: float) -> float:
        return self.started + (timeout if self.ready else START_SECONDS)

    def cause_of_death(self) -> str:
        return f"worker {super().cause_of_death()}"

    def why_not_ready(self, ended: bool) -> str:
        return self.cause_of_death() if ended else f"no answer in {START_SECONDS:g} s"


def _serve(connection: Connection, task: Callable[[Any], Any], parent: int, inherited: list[Connection]) -> None:
    """A worker's life: receive, compute, send; ends with its parent."""
    settle(parent, inherited)
    import torch

    torch.set_num_threads(1)
    settle_allocator()
    with suppress(BrokenPipeError, OSError):
        connection.send_bytes(b"ready")
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        started = time.monotonic()
        value, failure = None, None
        try:
            value = task(item)
        except MemoryError:
            failure = "out of memory"
        except Exception as error:  # noqa: BLE001 - whatever a candidate raises is that candidate's failure
            failure = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        try:
            connection.send((value, failure, started, time.monotonic() - started))
        except (BrokenPipeError, OSError):
            return
