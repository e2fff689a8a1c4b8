from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation import worker_process as module
from coernas_moo.evaluation.workers import Outcome, WorkerPool


def act(item: Any) -> Any:
    """What the item says."""
    match item:
        case "raise":
            raise ValueError("no\n good")
        case "memory":
            raise MemoryError
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(60)
        case ("print", text):
            sys.stdout.write(f"{text}\n")
            os.write(1, f"{text} too\n".encode())
        case "pid":
            return os.getpid()
        case "threads":
            return torch.get_num_threads()
        case ("touch", path):
            with Path(path).open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        case ("once", path):
            if not Path(path).exists():
                Path(path).touch()
                os._exit(1)
            return "second try"
        case ("sleep", seconds):
            time.sleep(seconds)
            return seconds
    return item * 2


def outcomes(items: list[Any], workers: int = 2, **options: Any) -> dict[int, Outcome[Any]]:
    with WorkerPool(act, workers, **options) as pool:
        found = list(pool.run(items))
    assert len({position for position, _ in found}) == len(found)
    return dict(found)


def test_every_item_has_its_outcome() -> None:
    found = outcomes(list(range(20)))
    assert {position: outcome.value for position, outcome in found.items()} == {i: 2 * i for i in range(20)}
    assert {(outcome.failure, outcome.tries) for outcome in found.values()} == {(None, 1)}


def test_no_items_and_more_workers_than_items() -> None:
    assert outcomes([]) == {}
    assert outcomes([1], workers=50)[0].value == 2


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("raise", "ValueError: no good"),
        ("memory", "out of memory"),
        ("kill", "worker killed by SIGKILL (out of memory?)"),
        ("exit", "worker ended with exit code 3"),
    ],
)
def test_a_bad_item_has_two_tries_and_harms_no_other(item: str, reason: str) -> None:
    found = outcomes([1, item, 2, 3])
    assert (found[1].value, found[1].failure, found[1].tries) == (None, reason, 2)
    assert [found[i].value for i in (0, 2, 3)] == [2, 4, 6]


def test_a_killed_item_is_really_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "tries"
    assert outcomes([("touch", str(file))], tries=3)[0].tries == 3
    assert file.read_text() == "xxx"


def test_a_second_try_may_succeed(tmp_path: Path) -> None:
    outcome = outcomes([("once", str(tmp_path / "flag"))])[0]
    assert (outcome.value, outcome.failure, outcome.tries) == ("second try", None, 2)


def test_a_hanging_item_is_stopped() -> None:
    started = time.monotonic()
    found = outcomes(["hang", 1], timeout_seconds=0.3)
    assert (found[0].failure, found[0].tries) == ("took longer than 0.3 s", 2)
    assert found[0].seconds >= 0.3
    assert found[1].value == 2
    assert time.monotonic() - started < 30


def test_slow_items_do_not_hold_up_the_others() -> None:
    with WorkerPool(act, 2) as pool:
        order = [position for position, _ in pool.run([("sleep", 0.5), 1, 2, 3])]
    assert order[-1] == 0


def test_closing_the_iterator_abandons_the_rest_and_the_pool_goes_on() -> None:
    started = time.monotonic()
    with WorkerPool(act, 2) as pool:
        results = pool.run([1, "hang", "hang"])
        assert next(results)[1].value == 2
        results.close()
        assert [outcome.value for _, outcome in pool.run([5])] == [10]
    assert time.monotonic() - started < 30


def test_leaving_the_pool_ends_workers_at_once() -> None:
    started = time.monotonic()
    with WorkerPool(act, 2) as pool:
        pids = [outcome.value for _, outcome in pool.run(["pid", "pid"])]
        results = pool.run([1, "hang"])
        next(results)
    assert time.monotonic() - started < 20
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_stay_for_further_items_and_use_one_thread() -> None:
    torch.set_num_threads(2)
    try:
        with WorkerPool(act, 1) as pool:
            values = [outcome.value for _ in range(3) for _, outcome in pool.run(["pid", "threads"])]
    finally:
        torch.set_num_threads(1)
    assert len(set(values[::2])) == 1
    assert values[0] != os.getpid()
    assert values[1::2] == [1, 1, 1]


class CountsItsCopies:
    """A task that notes in a file whenever it is pickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __getstate__(self) -> dict[str, Any]:
        with self.file.open("a") as file:
            file.write("x")
        return self.__dict__

    def __call__(self, item: int) -> int:
        return item + 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_task_is_sent_once_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr("coernas_moo.evaluation.workers._context", lambda: multiprocessing.get_context(method))
    task = CountsItsCopies(tmp_path / "copies")
    assert pickle.loads(pickle.dumps(task))(1) == 2
    with WorkerPool(task, 1) as pool:
        assert [outcome.value for _, outcome in pool.run(list(range(10)))] == list(range(1, 11))
    copies = len(task.file.read_text()) - 1
    assert copies == (1 if method == "spawn" else 0)


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
    assert ours.poll(10)
    pids = [pid for pid in ours.recv() if pid > 1]
    assert pids
    time.sleep(0.2)
    parent.kill()
    parent.join()
    deadline = time.monotonic() + 5
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

workers._context = lambda: multiprocessing.get_context("spawn")

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


def test_jobs_wait_in_line_and_no_worker_waits_for_the_end_of_one() -> None:
    with WorkerPool(act, 2) as pool:
        first, second = pool.submit([("sleep", 0.6), 1]), pool.submit([2, 3, 4])
        heard = list(pool.finish(first))
        # The slow item of the first job ends last: meanwhile the other worker has done the second job.
        assert [(item.job is second, item.position) for item in heard] == [
            (False, 1),
            (True, 0),
            (True, 1),
            (True, 2),
            (False, 0),
        ]
        assert second.left == 0
        assert list(pool.finish(second)) == []


def test_abandoned_jobs_are_not_worked_at_and_the_pool_goes_on() -> None:
    with WorkerPool(act, 1) as pool:
        pool.submit(["hang", 1])
        with pytest.raises(CoernasError, match="busy with another job"):
            next(pool.run([1]))
        pool.abandon()
        assert [outcome.value for _, outcome in pool.run([5])] == [10]


def test_the_time_at_work_is_that_of_the_tries() -> None:
    with WorkerPool(act, 2) as pool:
        assert pool.busy_seconds == 0
        list(pool.run([("sleep", 0.3), ("sleep", 0.3)]))
        time.sleep(0.3)
        list(pool.run([("sleep", 0.2)]))
        # One worker may begin a little after the other, but not after a whole item.
        assert 0.5 <= pool.busy_seconds < 0.75


def test_what_was_handed_out_goes_on_while_nobody_listens() -> None:
    with WorkerPool(act, 2) as pool:
        list(pool.run([1, 2]))
        job = pool.submit([("sleep", 0.1)] * 8)
        pool.hand_out()
        time.sleep(1.0)
        started = time.monotonic()
        assert sorted(item.position for item in pool.finish(job)) == list(range(8))
        assert time.monotonic() - started < 0.2


@pytest.mark.parametrize("bad", ["kill", "exit", "hang"])
def test_only_the_item_at_fault_loses_a_try(bad: str) -> None:
    with WorkerPool(act, 1, timeout_seconds=1.0) as pool:
        list(pool.run([0]))
        job = pool.submit([1, bad, 2, 3])
        pool.hand_out()
        found = {item.position: item.outcome for item in pool.finish(job)}
    assert [found[i].value for i in (0, 2, 3)] == [2, 4, 6]
    assert [found[i].tries for i in range(4)] == [1, 2, 1, 1]
    assert found[1].failure is not None


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
