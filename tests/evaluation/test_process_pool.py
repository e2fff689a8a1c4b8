from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.process_pool import process_pool

HELD: list[int] = []


def begin(*numbers: int) -> None:
    HELD[:] = numbers


def held(number: int) -> tuple[int, list[int], int]:
    return number, HELD, os.getpid()


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_every_process_is_begun_once_and_does_its_jobs() -> None:
    with process_pool(2, begin, (7, 8)) as pool:
        done = list(pool.map(held, range(6)))
    assert [number for number, *_ in done] == list(range(6))
    assert all(numbers == [7, 8] for _, numbers, _ in done)
    assert os.getpid() not in {process for *_, process in done}
    assert HELD == []


def ask_for_much_and_leave() -> None:
    with process_pool(2) as pool:
        for _ in range(20):
            pool.submit(time.sleep, 90)
        raise KeyboardInterrupt


def test_whoever_leaves_by_an_exception_does_not_wait_for_what_was_asked_for() -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ask_for_much_and_leave()
    assert time.monotonic() - started < 60
    assert not multiprocessing.active_children()


def test_a_killed_process_is_told_of() -> None:
    told = r"worker process was killed .*: give the command again"
    with pytest.raises(CoernasError, match=told), process_pool(1) as pool:
        pool.submit(die, 0).result()


PARENT = """
import os, sys, time
from coernas_moo.evaluation.process_pool import process_pool
with process_pool(2) as pool:
    jobs = [pool.submit(os.getpid) for _ in range(8)]
    print(*{job.result() for job in jobs}, flush=True)
    pool.submit(time.sleep, 60)
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_processes_end_with_their_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = parent.stdout.readline().split()
        assert children
        parent.kill()
    until = time.monotonic() + 30
    while any(Path("/proc", child, "cmdline").exists() for child in children) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(Path("/proc", child, "cmdline").exists() for child in children)
