"""Runs that go on: cut off anywhere, with larger and smaller budgets, with something changed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from runs import MakeProblem, Stop, exactly

from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import RunError, RunWarning
from coernas_moo.evaluation.journal import read_all
from coernas_moo.search import loop
from coernas_moo.search.history import read_history
from coernas_moo.search.loop import run_search
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run


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


def test_reading_a_finished_run_again_makes_it_no_longer(tmp_path: Path, tiny: MakeProblem) -> None:
    first = run_search(tiny(), tmp_path / "run").state.seconds
    assert run_search(tiny(), tmp_path / "run", resume=True).state.seconds == first
    longer = run_search(tiny(search__generations=4), tmp_path / "run", resume=True)
    assert longer.state.seconds > first


def test_a_generation_that_was_cut_off_does_not_lend_its_time(tmp_path: Path, tiny: MakeProblem) -> None:
    def budget(evaluations: int) -> ProblemFile:
        return tiny(search__generations=None, search__evaluations=evaluations)

    path = run_search(budget(13), tmp_path / "run").directory.history
    rows = path.read_text().splitlines()
    assert rows[-1].split(",")[:2] == ["2", "13"]
    # As if that had taken an hour.
    path.write_text("\n".join([*rows[:-1], ",".join([*rows[-1].split(",")[:-1], "3600.0"])]) + "\n")
    run_search(budget(20), tmp_path / "run", resume=True)
    history = read_history(path)
    assert [row["evaluations"] for row in history[:3]] == [6, 12, 18]
    assert history[1]["seconds"] < 3600


def test_a_run_that_another_search_began_meanwhile_is_left_alone(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = loop.require_feasible

    def and_another_begins(*arguments: Any) -> None:
        monkeypatch.setattr(loop, "require_feasible", check)
        run_search(tiny(), tmp_path / "run")
        check(*arguments)

    monkeypatch.setattr(loop, "require_feasible", and_another_begins)
    with pytest.raises(RunError, match="a run is here; add --resume"):
        run_search(tiny(search__generations=5), tmp_path / "run")
    assert Run(tmp_path / "run").state.generation == 3


def test_a_smaller_budget_than_was_used_up_is_not_what_the_run_was_made_with(
    tmp_path: Path, tiny: MakeProblem, finished_run: Run
) -> None:
    directory = run_search(tiny(), tmp_path / "run").directory
    for smaller in ({"search__generations": 2}, {"search__generations": None, "search__evaluations": 7}):
        run_search(tiny(**smaller), tmp_path / "run", resume=True)
        assert directory.read_problem().search.generations == 3
    again = run_search(directory.read_problem(), tmp_path / "again")
    assert exactly(again) == exactly(finished_run)


def test_images_that_were_moved_are_found_again(tmp_path: Path, tiny: MakeProblem) -> None:
    def images(folder: str, classes: str = "abc") -> dict[str, object]:
        for name in classes:
            (tmp_path / folder / name).mkdir(parents=True)
            for number in range(2):
                Image.new("L", (8, 8), 90 * number).save(tmp_path / folder / name / f"{number}.png")
        return {"kind": "folder", "path": str(tmp_path / folder), "size": 8, "channels": 1}

    here = images("here")
    run_search(tiny(data=here, search__generations=1), tmp_path / "run")
    there = images("there")
    with pytest.raises(RunError, match=r"data\.path was"):
        run_search(tiny(data=there, search__generations=2), tmp_path / "run", resume=True)
    shutil.rmtree(tmp_path / "here")
    resumed = run_search(tiny(data=there, search__generations=2), tmp_path / "run", resume=True)
    assert (resumed.state.generation, resumed.problem.data["path"]) == (2, str(tmp_path / "there"))
    # With a budget below what was used up, where the images are now is recorded all the same.
    shutil.rmtree(tmp_path / "there")
    back = tiny(data=images("back"), search__generations=1)
    again = run_search(back, tmp_path / "run", resume=True).directory.read_problem()
    assert (again.search.generations, again.data["path"]) == (2, str(tmp_path / "back"))
    shutil.rmtree(tmp_path / "back")
    with pytest.raises(RunError, match="the images are now without 'c' and with 'd'; give those of then"):
        run_search(tiny(data=images("others", "abd"), search__generations=3), tmp_path / "run", resume=True)


def test_a_run_of_another_problem_is_named(tmp_path: Path, tiny: MakeProblem) -> None:
    run_search(tiny(search__generations=1), tmp_path / "run")
    with pytest.raises(RunError, match="is a run of 'tiny', not of 'other'"):
        run_search(tiny(name="other", data__size=16), tmp_path / "run", resume=True)


def test_evaluations_are_counted_exactly_and_may_be_extended(tmp_path: Path, tiny: MakeProblem) -> None:
    def budget(evaluations: int) -> ProblemFile:
        return tiny(search__generations=None, search__evaluations=evaluations)

    run = run_search(budget(13), tmp_path / "run")
    assert (len(run.archive), run.state.reason) == (13, "13 evaluations done")
    extended = run_search(budget(20), tmp_path / "run", resume=True)
    assert len(extended.archive) == 20
    assert exactly(extended) == exactly(run_search(budget(20), tmp_path / "straight"))


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


def test_other_versions_on_resume_are_named(tiny: MakeProblem, tmp_path: Path) -> None:
    run = run_search(tiny(search__generations=1), tmp_path / "run")
    older = {**run.state.versions, "torch": "1.0"}
    run.directory.write_state(replace(run.state, versions=older))
    with pytest.warns(RunWarning, match=r"torch 1\.0 to "):
        run_search(tiny(), tmp_path / "run", resume=True)


def test_a_refused_journal_leaves_the_record_of_the_run(tmp_path: Path, tiny: MakeProblem) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("x = 1\n")
    run = run_search(tiny(plugins=[str(plugin)], search__generations=2), tmp_path / "run")
    kept = {path.name: path.read_bytes() for path in run.directory.path.glob("*.[jtc]*") if path.is_file()}
    plugin.write_text("x = 2\n")
    with pytest.raises(RunError):
        run_search(tiny(plugins=[str(plugin)], search__generations=4), tmp_path / "run", resume=True)
    assert {name: (run.directory.path / name).read_bytes() for name in kept} == kept


def test_a_changed_plugin_of_a_run_on_a_table_is_refused(table_here: None, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("x = 1\n")

    def problem(generations: int) -> ProblemFile:
        small = {"search.population": 4, "search.generations": generations, "plugins": [str(plugin)]}
        return load_problem("nb201-edgegpu", small)

    run_search(problem(1), tmp_path / "run")
    plugin.write_text("x = 2\n")
    with pytest.raises(RunError, match="other settings, plugins or formulas"):
        run_search(problem(2), tmp_path / "run", resume=True)


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


def test_cut_off_while_it_is_replayed_a_run_loses_nothing(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    run_search(tiny(), tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_search(tiny(search__generations=5), tmp_path / "run", resume=True, listener=Stop(8))
    cut = Run(tmp_path / "run")
    assert (cut.state.status, cut.state.generation, cut.state.evaluations) == ("interrupted", 3, 18)
    assert [row["generation"] for row in read_history(cut.directory.history)] == [1, 2, 3]
    assert exactly(cut) == exactly(finished_run)


@pytest.mark.parametrize("content", ["", "generation,seconds\n1,2\n", "generation,evaluations\n1\n"])
def test_a_broken_history_is_named(tmp_path: Path, tiny: MakeProblem, content: str) -> None:
    run_search(tiny(search__generations=1), tmp_path / "run")
    (tmp_path / "run" / "history.csv").write_text(content)
    if content:
        with pytest.raises(RunError, match=r"history.csv: not the history of a run"):
            run_search(tiny(search__generations=2), tmp_path / "run", resume=True)
    else:
        assert run_search(tiny(search__generations=2), tmp_path / "run", resume=True).state.generation == 2
