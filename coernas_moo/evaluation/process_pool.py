"""A pool of processes that do not outlive their parent, and let it go at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.child_process import settle, start_context


@contextmanager
def process_pool(
    workers: int, begin: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Processes with one thread each; what is under way when the block is left by an exception is given up.

    Args:
        workers: how many.
        begin: called in each with `arguments`, before its first job.
        arguments: of it.

    Raises:
        CoernasError: the system ended a process.
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=start_context(), initializer=_begin, initargs=(os.getpid(), begin, arguments)
    )
    try:
        yield pool
    except BaseException as error:
        # Without this, leaving would take as long as everything that was asked for.
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise CoernasError(
                "a worker process was killed (out of memory?): give the command again, with fewer --workers if it "
                "happens again"
            ) from None
        raise
    pool.shutdown()


def _begin(parent: int, begin: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    settle(parent, ())
    threadpool_limits(1)
    if begin is not None:
        begin(*arguments)
