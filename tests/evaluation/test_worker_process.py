"""The life of worker processes: how they start, end, print, and what they inherit."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from working import act, outcomes

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation import worker_process as module
from coernas_moo.evaluation.workers import WorkerPool


def _hang_in_workers(connection: Connection) -> None:
    pool = WorkerPool(act, 2)
    connection.send([outcome.value for _, outcome in pool.run(["pid", ("sleep", 0.2), "pid"])])
    list(pool.run(["hang", "hang"]))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_busy_workers_end_when_their_parent_is_killed() -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    parent = context.Process(target=_hang_in_workers, args=(theirs,))
    parent.start()
    assert ours.poll(60)
    pids = [pid for pid in ours.recv() if pid > 1]
    assert pids
    time.sleep(0.2)
    parent.kill()
    parent.join()
    deadline = time.monotonic() + 30
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_task_prints_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes([("print", "hello")])[0].failure is None
    out, err = capfd.readouterr()
    assert out == ""
    assert sorted(err.splitlines()) == ["hello", "hello too"]


SCRIPT = """
import multiprocessing, sys
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation import workers

workers.start_context = lambda: multiprocessing.get_context("spawn")

def go():
    with workers.WorkerPool(abs, 1) as pool:
        try:
            print(sorted(outcome.value for _, outcome in pool.run([-1, -2, -3])))
        except CoernasError as error:
            print(error)

"""


def run_script(path: Path, last: str) -> str:
    path.write_text(SCRIPT + last)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_that_spawned_workers_run_again_is_told_to_protect_itself(tmp_path: Path) -> None:
    answer = run_script(tmp_path / "unguarded.py", "go()\n")
    assert answer.startswith("worker processes cannot start (worker ended with exit code 1); ")
    assert '`if __name__ == "__main__":`' in answer
    assert run_script(tmp_path / "guarded.py", 'if __name__ == "__main__":\n    go()\n') == "[1, 2, 3]\n"


def test_workers_that_never_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_serve", lambda *_: os._exit(7))
    with (
        WorkerPool(act, 2) as pool,
        pytest.raises(CoernasError, match=r"cannot start \(worker ended with exit code 7\)"),
    ):
        list(pool.run([1, 2, 3]))


def test_workers_that_hang_before_they_are_ready_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_serve", lambda *_: time.sleep(60))
    monkeypatch.setattr(module, "START_SECONDS", 0.2)
    started = time.monotonic()
    with WorkerPool(act, 2) as pool, pytest.raises(CoernasError, match=r"cannot start \(no answer in 0\.2 s\)"):
        list(pool.run([1, 2, 3]))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("starts", [2, 9])
def test_one_that_cannot_start_is_replaced_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: int
) -> None:
    """The first worker dies of its item; of those after it, some end before they are ready."""
    serve, log = module._serve, tmp_path / "starts"

    def sometimes(*arguments: Any) -> None:
        with log.open("a") as file:
            file.write("x")
        if 1 < len(log.read_text()) <= 1 + starts:
            os._exit(5)
        serve(*arguments)

    monkeypatch.setattr(module, "_serve", sometimes)
    with WorkerPool(act, 1) as pool:
        if starts == 2:
            found = dict(pool.run(["exit", 1]))
            assert (found[0].failure, found[1].value) == ("worker ended with exit code 3", 2)
        else:
            with pytest.raises(CoernasError, match="exit code 5"):
                list(pool.run(["exit", 1]))


class WaitsForItsParent:
    """Like an object with threads: its destruction in a forked process would never end."""

    def __init__(self) -> None:
        self.made_in = os.getpid()
        self.itself = self

    def __del__(self) -> None:
        if os.getpid() != self.made_in:
            time.sleep(60.0)


def collect(item: int) -> int:
    gc.collect()
    return item


def test_workers_leave_the_garbage_of_their_parent_alone() -> None:
    gc.disable()
    try:
        WaitsForItsParent()
        with WorkerPool(collect, 1, tries=1, timeout_seconds=20.0) as pool:
            assert [outcome.value for _, outcome in pool.run([1])] == [1]
        assert not gc.isenabled()
    finally:
        gc.enable()
