"""The course of a search: what the seed decides, what is told, what ends it."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest
from runs import MakeProblem, Stop, exactly

from coernas_moo.config import load_problem
from coernas_moo.search import loop
from coernas_moo.search.history import read_history
from coernas_moo.search.loop import run_search
from coernas_moo.search.run import Run


@pytest.mark.parametrize("workers", [1, 2])
def test_the_seed_decides_not_the_workers(tmp_path: Path, tiny: MakeProblem, finished_run: Run, workers: int) -> None:
    assert exactly(run_search(tiny(evaluation__workers=workers), tmp_path / "run")) == exactly(finished_run)


def test_another_seed_finds_another_front(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    assert exactly(run_search(tiny(search__seed=6), tmp_path / "run")) != exactly(finished_run)


def test_progress_and_history_agree(tmp_path: Path, tiny: MakeProblem) -> None:
    listener = Stop()
    run = run_search(tiny(), tmp_path / "run", listener=listener)
    last = listener.progress[-1]
    assert [p.generation for p in listener.progress] == [1, 2, 3]
    assert [p.evaluations for p in listener.progress] == [6, 12, 18]
    assert last.front == len(run.front)
    assert last.best == max(member.objectives["score"] for member in run.front)
    assert 0 < last.hypervolume <= 1
    assert (last.generations, last.seconds_left, last.failures) == (3, 0.0, 0)
    assert listener.begun == 1
    assert len(listener.records) == 18
    history = read_history(run.directory.history)
    assert [row["evaluations"] for row in history] == [6, 12, 18]
    assert history[-1]["hypervolume"] == last.hypervolume
    assert (run.state.status, run.state.reason) == ("finished", "3 generations done")
    assert (run.state.generation, run.state.evaluations) == (3, 18)


def test_seconds_end_a_search_within_a_generation(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny(search__generations=None, search__seconds=0.5, search__population=200)
    started = time.monotonic()
    run = run_search(problem, tmp_path / "run")
    assert time.monotonic() - started < 20
    assert run.state.reason == "0.5 s used up"
    assert 0 < run.state.evaluations < 200
    assert run.state.evaluations == len(run.archive)
    assert run.front
    # Resumed, it has no time left, and keeps what it has.
    again = run_search(problem, tmp_path / "run", resume=True)
    assert again.state.evaluations == run.state.evaluations
    assert exactly(again) == exactly(run)
    assert len(read_history(run.directory.history)) == 1


def test_an_exhausted_space_stops_with_the_reason(tmp_path: Path, tiny: MakeProblem) -> None:
    run = run_search(tiny(space__stages=1, search__generations=50), tmp_path / "run")
    assert len(run.archive) == run.space.canonical_size() == 24
    assert run.state.reason == "the space is exhausted: all 24 networks have been evaluated"
    assert run.state.status == "finished"


def test_a_budget_of_evaluations_that_limits_keep_from_being_used_ends(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny(
        search__generations=None, search__evaluations=500, search__algorithm="nsga2", limits=["params <= 200"]
    )
    run = run_search(problem, tmp_path / "run")
    assert run.state.reason.startswith("no new network found")
    assert 0 < len(run.archive) < 500


def test_the_shipped_digits_problem_searches_real_images(tmp_path: Path) -> None:
    problem = load_problem(
        "digits",
        {"search.population": 6, "search.generations": 1, "search.evaluations": 6, "objectives": ["score", "params"]},
    )
    run = run_search(problem, tmp_path / "run")
    assert run.state.shape == (1, 8, 8)
    assert len(run.state.classes) == 10
    assert run.network("best")


def test_no_worker_is_left_behind(tmp_path: Path, tiny: MakeProblem) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_search(tiny(evaluation__workers=2), tmp_path / "run", listener=Stop(8))
    assert not multiprocessing.active_children()


def test_time_left_is_that_of_the_budget_that_is_used_up_first(tmp_path: Path, tiny: MakeProblem) -> None:
    listener = Stop()
    run_search(tiny(search__seconds=1000.0), tmp_path / "run", listener=listener)
    first, _, last = listener.progress
    assert first.seconds_left == pytest.approx(2 * first.seconds, rel=0.2)
    assert last.seconds_left == 0.0
    assert loop.IDLE_GENERATIONS > 1


@pytest.mark.parametrize("algorithm", ["hd-duaas", "nsga2", "random"])
def test_one_objective_gives_the_one_best_network(tmp_path: Path, tiny: MakeProblem, algorithm: str) -> None:
    run = run_search(tiny(objectives=["score"], search__algorithm=algorithm), tmp_path / "run")
    assert len({member.objectives["score"] for member in run.front}) == 1
    assert run.front[0].objectives["score"] == max(run.archive.scores.values())
