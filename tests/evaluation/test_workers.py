from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from working import act, outcomes

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.workers import WorkerPool


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
    monkeypatch.setattr("coernas_moo.evaluation.workers.start_context", lambda: multiprocessing.get_context(method))
    task = CountsItsCopies(tmp_path / "copies")
    assert pickle.loads(pickle.dumps(task))(1) == 2
    with WorkerPool(task, 1) as pool:
        assert [outcome.value for _, outcome in pool.run(list(range(10)))] == list(range(1, 11))
    copies = len(task.file.read_text()) - 1
    assert copies == (1 if method == "spawn" else 0)


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
        list(pool.run([("sleep", 0.8), ("sleep", 0.8)]))
        time.sleep(0.8)
        list(pool.run([("sleep", 0.2)]))
        # One worker may begin a little after the other, but not after a whole item.
        assert 1.0 <= pool.busy_seconds < 1.7


def test_what_was_handed_out_goes_on_while_nobody_listens() -> None:
    with WorkerPool(act, 2) as pool:
        list(pool.run([1, 2]))
        job = pool.submit([("sleep", 0.25)] * 8)
        pool.hand_out()
        time.sleep(2.0)
        started = time.monotonic()
        assert sorted(item.position for item in pool.finish(job)) == list(range(8))
        assert time.monotonic() - started < 0.8


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


def test_a_worker_that_died_while_it_was_idle_costs_no_try() -> None:
    with WorkerPool(act, 2, tries=1) as pool:
        (found,) = dict(pool.run(["pid"])).values()
        os.kill(found.value, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while found.value in {child.pid for child in multiprocessing.active_children()} and time.monotonic() < deadline:
            time.sleep(0.02)
        again = [outcome for _, outcome in pool.run([1, 2, 3, 4])]
    assert sorted(outcome.value for outcome in again) == [2, 4, 6, 8]
    assert {(outcome.failure, outcome.tries) for outcome in again} == {(None, 1)}


@pytest.mark.parametrize("seconds", [1e7, float("inf")])
def test_a_try_may_take_as_long_as_one_likes(seconds: float) -> None:
    assert outcomes([1], timeout_seconds=seconds)[0].value == 2


def test_a_signal_without_a_name_is_a_number() -> None:
    (outcome,) = outcomes(["realtime"], tries=1).values()
    assert outcome.failure == f"worker killed by signal {signal.SIGRTMIN + 6}"
