"""A process that serves this one over a pipe, and ends with it however it ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

_PARENT_POLL_SECONDS = 1.0


class ChildProcess:
    """A process as its parent sees it.

    Args:
        context: that starts it.
        target: called there with its end of the pipe, `arguments`, the parent's process id, and pipe ends of the parent
            that a forked process inherits; it hands the last two to `settle`.
        arguments: further ones.
        inherited: the parent's ends of the pipes of other processes.
    """

    def __init__(
        self,
        context: BaseContext,
        target: Callable[..., None],
        *arguments: object,
        inherited: Iterable[Connection] = (),
    ) -> None:
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=target, args=(theirs, *arguments, os.getpid(), [*inherited, self.connection]), daemon=True
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

    def cause_of_death(self) -> str:
        """In words, once it has ended."""
        self.process.join(1.0)
        code = self.process.exitcode
        if code is not None and code < 0:
            # Real-time signals have numbers only.
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return f"killed by {name}{hint}"
        return f"ended with exit code {code}"

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Let it end; it gets two seconds."""
        self.connection.close()
        self.process.join(2.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def start_context() -> BaseContext:
    """Fork where it is safe: processes start at once and know what the calling script has registered."""
    torch = sys.modules.get("torch")
    cuda_in_use = torch is not None and torch.cuda.is_initialized()
    fork = sys.platform.startswith("linux") and not cuda_in_use
    return multiprocessing.get_context("fork" if fork else "spawn")


def settle(parent: int, inherited: Iterable[Connection]) -> None:
    """What a child does first: from now on it is a process of its own, but for its end, which is its parent's."""
    # Ctrl-C reaches the whole process group, and is the parent's to handle; its handlers are not for its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What a forked process inherits is the parent's to destroy: an object may wait for threads that did not come along.
    gc.freeze()
    gc.enable()
    # Pipe ends of the parent that were inherited would keep a dead parent's children waiting.
    for other in inherited:
        other.close()
    _print_to_stderr()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _print_to_stderr() -> None:
    """What a child's code prints goes to stderr: stdout is the parent's, and may have to be JSON."""
    if sys.__stderr__ is None:
        # The process was started with stderr closed, and the descriptor may be another file by now.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
    else:
        os.dup2(2, 1)
    sys.stdout = sys.stderr


def _end_with(parent: int) -> None:
    """Ends this process once its parent is gone, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)
