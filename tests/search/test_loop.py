from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import CoernasError, DataError, ProblemFileError, RunError, RunWarning
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.record import Record
from coernas_moo.search import loop
from coernas_moo.search.history import read_history
from coernas_moo.search.loop import run_search
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import RunDirectory

MakeProblem = Callable[..., ProblemFile]


def exactly(run: Run) -> list[Any]:
    """The front with every float of it."""
    return [(m.number, m.text, dict(m.objectives), dict(m.costs), dict(m.proxies)) for m in run.front]


class Stop(Listener):
    """Presses Ctrl-C after so many evaluations, and remembers what it saw."""

    def __init__(self, after: int = -1) -> None:
        self.after = after
        self.records: list[Record] = []
        self.progress: list[Progress] = []
        self.begun = 0

    def started(self, *args: object) -> None:
        self.begun += 1

    def evaluated(self, record: Record, progress: Progress) -> None:
        self.records.append(record)
        if len(self.records) == self.after:
            os.kill(os.getpid(), signal.SIGINT)

    def generation(self, progress: Progress) -> None:
        self.progress.append(progress)


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


@pytest.mark.parametrize("after", [1, 7, 12, 17])
def test_interrupted_and_resumed_a_run_ends_as_if_it_had_not_been(
    tmp_path: Path, tiny: MakeProblem, finished_run: Run, after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_search(tiny(), tmp_path / "run", listener=Stop(after))
    interrupted = Run(tmp_path / "run")
    assert interrupted.state.status == "interrupted"
    before = read_all(interrupted.directory.journal)
    assert len(before) == after
    resumed = run_search(tiny(), tmp_path / "run", resume=True)
    assert exactly(resumed) == exactly(finished_run)
    assert resumed.state.status == "finished"
    # Seconds are those of the first time: nothing was evaluated again.
    assert read_all(resumed.directory.journal)[:after] == before
    assert len(read_all(resumed.directory.journal)) == 18


def test_interrupted_twice(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    for after in (4, 11):
        with pytest.raises(KeyboardInterrupt):
            run_search(tiny(), tmp_path / "run", resume=True, listener=Stop(after))
    assert exactly(run_search(tiny(), tmp_path / "run", resume=True)) == exactly(finished_run)


def test_a_finished_run_resumed_changes_nothing(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    run = run_search(tiny(), tmp_path / "run")
    rows, history = read_all(run.directory.journal), run.directory.history.read_text()
    again = run_search(tiny(), tmp_path / "run", resume=True)
    assert exactly(again) == exactly(run) == exactly(finished_run)
    assert read_all(run.directory.journal) == rows
    assert run.directory.history.read_text() == history


def test_more_generations_continue_a_run(tmp_path: Path, tiny: MakeProblem) -> None:
    run_search(tiny(), tmp_path / "run")
    extended = run_search(tiny(search__generations=5), tmp_path / "run", resume=True)
    assert exactly(extended) == exactly(run_search(tiny(search__generations=5), tmp_path / "straight"))
    assert extended.problem.search.generations == 5
    assert (extended.state.generation, extended.state.evaluations) == (5, 30)


@pytest.mark.parametrize("smaller", [{"search__generations": 1}, {"search__evaluations": 4}])
def test_smaller_budgets_lose_nothing(
    tmp_path: Path, tiny: MakeProblem, finished_run: Run, smaller: dict[str, int]
) -> None:
    run_search(tiny(), tmp_path / "run")
    resumed = run_search(tiny(**smaller), tmp_path / "run", resume=True)
    assert exactly(resumed) == exactly(finished_run)
    assert (resumed.state.evaluations, len(read_history(resumed.directory.history))) == (18, 3)


def test_evaluations_are_counted_exactly_and_may_be_extended(tmp_path: Path, tiny: MakeProblem) -> None:
    def budget(evaluations: int) -> ProblemFile:
        return tiny(search__generations=None, search__evaluations=evaluations)

    run = run_search(budget(13), tmp_path / "run")
    assert (len(run.archive), run.state.reason) == (13, "13 evaluations done")
    extended = run_search(budget(20), tmp_path / "run", resume=True)
    assert len(extended.archive) == 20
    assert exactly(extended) == exactly(run_search(budget(20), tmp_path / "straight"))


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


def test_a_run_in_use_is_refused(tmp_path: Path, tiny: MakeProblem) -> None:
    run_search(tiny(search__generations=1), tmp_path / "run")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    other = context.Process(target=_hold, args=(tmp_path / "run", theirs))
    other.start()
    try:
        assert ours.recv() == "held"
        with pytest.raises(RunError, match="in use by another search; wait for it") as caught:
            run_search(tiny(), tmp_path / "run", resume=True)
        assert "\n" not in str(caught.value)
    finally:
        other.kill()
        other.join()
    # The lock has gone with the process.
    assert run_search(tiny(), tmp_path / "run", resume=True).state.generation == 3


def _hold(path: Path, connection: Connection) -> None:
    with RunDirectory(path).lock():
        connection.send("held")
        time.sleep(60)


def test_two_searches_of_one_process_are_refused_too(tmp_path: Path, tiny: MakeProblem) -> None:
    class Nested(Listener):
        refused = ""

        def generation(self, progress: Progress) -> None:
            with contextlib.suppress(KeyError):
                try:
                    run_search(tiny(), tmp_path / "run", resume=True)
                except RunError as error:
                    self.refused = str(error)

    listener = Nested()
    run_search(tiny(search__generations=1), tmp_path / "run", listener=listener)
    assert "in use" in listener.refused


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"search__seed": 9}, "search.seed was 5, is 9"),
        ({"search__population": 8}, "search.population was 6, is 8"),
        ({"space__base_width": 8}, "space.base_width was 4, is 8"),
        ({"objectives": ["score", "macs"]}, "objectives was"),
        ({"data__size": 9}, "data.size was 8, is 9"),
        ({"score__p": 1.0}, "score.p was 0.0, is 1.0"),
    ],
)
def test_a_changed_problem_is_refused(
    tmp_path: Path, tiny: MakeProblem, finished_run: Run, change: dict[str, Any], key: str
) -> None:
    before = exactly(finished_run)
    with pytest.raises(RunError, match=key):
        run_search(tiny(**change), finished_run.directory.path, resume=True)
    assert exactly(Run(finished_run.directory.path)) == before


def test_a_changed_plugin_is_refused(tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("'''Nothing yet.'''\n")
    problem = tiny(plugins=[str(plugin)], search__generations=1)
    run_search(problem, tmp_path / "run")
    plugin.write_text("'''Something else.'''\n")
    with pytest.raises(RunError, match="other settings, plugins or formulas"):
        run_search(problem, tmp_path / "run", resume=True)


def test_a_new_run_needs_an_empty_directory(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    with pytest.raises(RunError, match="a run is here; add --resume"):
        run_search(tiny(), finished_run.directory.path)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="not empty and not a run"):
        run_search(tiny(), tmp_path, resume=True)
    assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"limits": ["params <= 3"]}, ProblemFileError, "no network of the space meets params <= 3; the nearest found"),
        ({"search__algorithm": "nsga22"}, ProblemFileError, "search.algorithm: no algorithm named 'nsga22'"),
        ({"search__mutation": {"cnov": 0.1}}, ProblemFileError, "search.mutation: this space has no segment 'cnov'"),
        ({"data": {"kind": "folder"}}, DataError, "needs images"),
        ({"data": {"kind": "folder", "path": "/no/such/folder"}}, DataError, "no file or folder"),
    ],
)
def test_bad_input_leaves_nothing_on_disk(
    tmp_path: Path, tiny: MakeProblem, change: dict[str, Any], error: type[CoernasError], words: str
) -> None:
    with pytest.raises(error) as caught:
        run_search(tiny(**change), tmp_path / "runs" / "run")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, tiny: MakeProblem) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="give another --out"):
        run_search(tiny(), tmp_path / "file" / "run")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a directory where not even root may write")
@pytest.mark.parametrize("path", ["/proc/run", "/proc/deeper/run"])
def test_a_read_only_directory_is_named(path: str, tiny: MakeProblem) -> None:
    with pytest.raises(RunError, match=f"{path}: cannot be .*; give another --out"):
        run_search(tiny(), path)


def test_a_full_disk_ends_a_run_that_can_be_resumed(
    tmp_path: Path, tiny: MakeProblem, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Listener):
        def generation(self, progress: Progress) -> None:
            if progress.generation == 2:
                patch.setattr("coernas_moo.search.run_directory.write_atomically", refuse)

    def refuse(path: Path, text: str) -> None:
        raise RunError(f"{path}: cannot be written: No space left on device")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError, match="No space left"):
        run_search(tiny(), tmp_path / "run", listener=Full())
    assert exactly(run_search(tiny(), tmp_path / "run", resume=True)) == exactly(finished_run)


PLUGIN = """
from coernas_moo.networks.layers import Conv
from coernas_moo.networks.units import register_unit
from coernas_moo.objectives import register_objective
from coernas_moo.proxies import register_proxy

@register_unit("test-pointwise")
def pointwise(in_channels, out_channels):
    return Conv(in_channels, out_channels, 1)

@register_proxy("test-loss", needs=(), source="a test", direction="minimise")
def loss(trace):
    with open({log!r}, "a") as log:
        log.write("x")
    return trace.loss

@register_objective("test-blocks", description="number of blocks")
def blocks(plan):
    return len(plan.blocks)
"""


def test_a_users_proxy_unit_and_objective_in_a_search(tmp_path: Path, tiny: MakeProblem) -> None:
    log = tmp_path / "log"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN.format(log=str(log)))
    problem = tiny(
        plugins=[str(plugin)],
        objectives=["score", "test-blocks"],
        space__units=["conv3", "test-pointwise"],
        score__proxies=["robustness", "test-loss"],
        evaluation__workers=2,
    )
    run = run_search(problem, tmp_path / "run")
    assert len(log.read_text()) == len(run.archive) == 18
    assert any("test-pointwise" in record.text for record in run.archive)
    assert all({"robustness", "test-loss"} == set(record.proxies) for record in run.archive)
    assert all(member.objectives["test-blocks"] == len(run.plan(member).blocks) for member in run.front)


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


DEADLY = """
import os, signal
from coernas_moo.proxies import register_proxy

@register_proxy("test-deadly", needs=("macs",), source="a test")
def deadly(trace):
    if trace.macs // 64 % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(trace.macs // 64)
"""


def test_candidates_that_kill_their_worker_do_not_end_the_run(tmp_path: Path, tiny: MakeProblem) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(DEADLY)
    problem = tiny(plugins=[str(plugin)], score__proxies=["test-deadly"], search__generations=1, search__population=12)
    run = run_search(problem, tmp_path / "run")
    failures = run.archive.failures
    assert 0 < len(failures) < len(run.archive) == 12
    assert {(r.failure, r.tries) for r in failures} == {("worker killed by SIGKILL (out of memory?)", 2)}
    assert all(record.proxies["test-deadly"] % 2 == 0 for record in run.archive if record.scored)
    assert run.front
    assert run.state.status == "finished"


@pytest.mark.parametrize("algorithm", ["hd-duaas", "nsga2", "random"])
def test_one_objective_gives_the_one_best_network(tmp_path: Path, tiny: MakeProblem, algorithm: str) -> None:
    run = run_search(tiny(objectives=["score"], search__algorithm=algorithm), tmp_path / "run")
    assert len({member.objectives["score"] for member in run.front}) == 1
    assert run.front[0].objectives["score"] == max(run.archive.scores.values())


def test_other_versions_on_resume_are_named(tiny: MakeProblem, tmp_path: Path) -> None:
    run = run_search(tiny(search__generations=1), tmp_path / "run")
    older = {**run.state.versions, "torch": "1.0"}
    run.directory.write_state(replace(run.state, versions=older))
    with pytest.warns(RunWarning, match=r"torch 1\.0 to "):
        run_search(tiny(), tmp_path / "run", resume=True)


RAISES = """
from coernas_moo import register_network_objective, register_objective, register_proxy

@register_proxy("test-raises", needs=(), source="a test")
def raises(trace):
    raise RuntimeError("broken on purpose")

@register_objective("test-plan-raises")
def plan_raises(plan):
    raise KeyError("nothing here")

@register_objective("test-plan-nan")
def plan_nan(plan):
    return float("nan")

@register_objective("test-plan-text")
def plan_text(plan):
    return "much"
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"score__proxies": ["test-raises"]},
            "none of 6 candidates could be evaluated: RuntimeError: broken on purpose",
        ),
        ({"objectives": ["score", "test-plan-raises"]}, "objective 'test-plan-raises' cannot be computed: KeyError"),
        ({"objectives": ["score", "test-plan-text"]}, "objective 'test-plan-text' cannot be computed: ValueError"),
        (
            {"objectives": ["score", "test-plan-nan"]},
            "none of 6 candidates has a finite value of each of: score, test-",
        ),
        ({"limits": ["test-plan-nan <= 3"]}, "no network of the space meets"),
    ],
)
def test_what_breaks_every_candidate_ends_the_search(
    tmp_path: Path, tiny: MakeProblem, change: dict[str, Any], message: str
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(RAISES)
    with pytest.raises(CoernasError, match=message):
        run_search(tiny(plugins=[str(plugin)], search__population=6, **change), tmp_path / "run")


def test_a_refused_journal_leaves_the_record_of_the_run(tmp_path: Path, tiny: MakeProblem) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("x = 1\n")
    run = run_search(tiny(plugins=[str(plugin)], search__generations=2), tmp_path / "run")
    kept = {path.name: path.read_bytes() for path in run.directory.path.glob("*.[jtc]*") if path.is_file()}
    plugin.write_text("x = 2\n")
    with pytest.raises(RunError):
        run_search(tiny(plugins=[str(plugin)], search__generations=4), tmp_path / "run", resume=True)
    assert {name: (run.directory.path / name).read_bytes() for name in kept} == kept


def test_a_broken_latency_table_of_a_run_is_named(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny(objectives=["score", "latency_ms"], search__generations=1)
    run = run_search(problem, tmp_path / "run")
    run.directory.latency_table.write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"latency\.json: not a latency table"):
        run_search(problem, tmp_path / "run", resume=True)


def test_a_limit_on_a_latency_that_was_not_measured_is_not_met(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny(latency__mode="measured", limits=["latency_ms <= 1000"], search__generations=1)
    with pytest.raises(KeyboardInterrupt):
        run_search(problem, tmp_path / "run", listener=Stop(2))
    assert Run(tmp_path / "run").front == []
    assert run_search(problem, tmp_path / "run", resume=True).front
