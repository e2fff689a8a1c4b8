"""One worker process, seen from both sides: what the pool holds of it, and its life from start to end."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from coernas_moo.networks.memory import settle_allocator

Item = TypeVar("Item")
Value = TypeVar("Value")

START_SECONDS = 300.0
"""That a worker may take to get ready."""

_PARENT_POLL_SECONDS = 1.0


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


class WorkerProcess(Generic[Item, Value]):
    """A worker as the pool sees it.

    Args:
        context: that starts it.
        task: called there with an item.
        inherited: the pool's ends of the pipes of other workers, which a forked worker closes.
    """

    def __init__(self, context: BaseContext, task: Callable[[Item], Any], inherited: list[Connection]) -> None:
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, task, os.getpid(), [*inherited, self.connection]), daemon=True
        )
        # No collection in the child before it has set aside what it inherits.
        collecting = gc.isenabled()
        gc.disable()
        try:
            self.process.start()
        finally:
            if collecting:
                gc.enable()
        theirs.close()
        self.ready = self.ended = False
        self.started = time.monotonic()
        self.tries: deque[Try[Item, Value]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self.tries)

    def give(self, current: Try[Item, Value]) -> None:
        if not self.tries:
            self.started = time.monotonic()
        self.tries.append(current)
        # A worker that died while idle is noticed when its answer is read.
        try:
            self.connection.send(current.job.items[current.position])
        except (BrokenPipeError, ConnectionResetError):
            return

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
        self.process.join(1.0)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return f"worker killed by {name}{hint}"
        return f"worker ended with exit code {code}"

    def why_not_ready(self, ended: bool) -> str:
        return self.cause_of_death() if ended else f"no answer in {START_SECONDS:g} s"

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> None:
        self.connection.close()
        self.process.join(2.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(connection: Connection, task: Callable[[Any], Any], parent: int, inherited: list[Connection]) -> None:
    """A worker's life: receive, compute, send; ends with its parent."""
    # Ctrl-C reaches the whole process group, and is the parent's to handle; its handlers are not for its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What a forked process inherits is the parent's to destroy: an object may wait for threads that did not come along.
    gc.freeze()
    gc.enable()
    import torch

    # Pipe ends of the parent that were inherited would keep a dead parent's workers waiting.
    for other in inherited:
        other.close()
    _print_to_stderr()
    torch.set_num_threads(1)
    settle_allocator()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
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


def _print_to_stderr() -> None:
    """What a candidate's code prints goes to stderr: stdout is the parent's, and may have to be JSON."""
    if sys.__stderr__ is None:
        # The process was started with stderr closed, and the descriptor may be another file by now.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
    else:
        os.dup2(2, 1)
    sys.stdout = sys.stderr


def _end_with(parent: int) -> None:
    """Ends this process once its parent is gone, even in the middle of a candidate."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)
