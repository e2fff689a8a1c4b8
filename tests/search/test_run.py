from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs

from coernas_moo.config import ProblemFile
from coernas_moo.errors import RunError
from coernas_moo.search.loop import run_search
from coernas_moo.search.run import PICKS, Run
from coernas_moo.search.run_directory import RunDirectory, next_free, runs_in


def test_a_run_reads_back_what_it_was(finished_run: Run, tiny: Callable[..., ProblemFile]) -> None:
    run = Run(finished_run.directory.path)
    assert run.problem == tiny()
    assert len(run.archive) == 18
    assert [m.number for m in run.front] == list(range(1, len(run.front) + 1))
    scores = [m.objectives["score"] for m in run.front]
    assert scores == sorted(scores, reverse=True)
    for member in run.front:
        assert member.objectives["params"] == member.costs["params"] == run.plan(member).params()


def test_members_are_picked_by_name_and_number(finished_run: Run) -> None:
    front = finished_run.front
    assert finished_run.pick("best") == front[0]
    assert finished_run.pick("smallest").costs["params"] == min(m.costs["params"] for m in front)
    assert finished_run.pick("fastest").costs["macs"] == min(m.costs["macs"] for m in front)
    assert finished_run.pick(str(len(front))) == finished_run.pick(len(front)) == front[-1]
    values = np.array([[-m.objectives["score"], m.objectives["params"]] for m in front])
    scaled = (values - values.min(axis=0)) / np.ptp(values, axis=0)
    assert finished_run.pick("knee") == front[int(np.linalg.norm(scaled, axis=1).argmin())]
    for wrong in ("0", str(len(front) + 1), "worst", "-1"):
        with pytest.raises(RunError, match=f"no member '{wrong}' in the front; choose {', '.join(PICKS)}"):
            finished_run.pick(wrong)


def test_the_fastest_is_so_on_the_problems_device(finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(finished_run.directory.path)
    times = {member.text: float(member.number) for member in run.front}
    members = [replace(m, costs={**m.costs, "latency:fpga": times[m.text]}) for m in run.front]
    monkeypatch.setattr(run, "front", members)
    assert run.pick("fastest").costs["macs"] == min(m.costs["macs"] for m in members)
    monkeypatch.setattr(run, "problem", structs.replace(run.problem, objectives=("score", "latency:fpga")))
    assert run.pick("fastest") == members[0]


def test_networks_are_rebuilt_initialised_and_work(finished_run: Run) -> None:
    one, again, other = (finished_run.network("best", seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert sum(p.numel() for p in one.parameters()) == finished_run.pick("best").costs["params"]
    assert one(torch.randn(2, 1, 8, 8)).shape == (2, 3)


def test_what_is_no_run_is_named(tmp_path: Path, finished_run: Run) -> None:
    with pytest.raises(RunError, match="no run here"):
        Run(tmp_path)
    (tmp_path / "problem.toml").write_text(finished_run.problem.to_toml())
    with pytest.raises(RunError, match="this run was cut off before it began; begin it with: coernas search --resume"):
        Run(tmp_path)
    (tmp_path / "state.json").write_text(json.dumps({"status": "finished"}))
    with pytest.raises(RunError, match="not the state of a run"):
        Run(tmp_path)


def test_an_empty_front_is_explained(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> None:
    run = run_search(tiny(limits=["score <= 0.01"], search__generations=1), tmp_path / "run")
    assert run.front == []
    with pytest.raises(RunError, match="the front is empty"):
        run.pick("best")


def test_runs_are_numbered(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> None:
    assert runs_in(tmp_path / "none") == []
    assert next_free(tmp_path, "x") == tmp_path / "x-1"
    for name in ("x-2", "x-10", "x-y-3", "x-old"):
        (tmp_path / name).mkdir()
    assert next_free(tmp_path, "x") == tmp_path / "x-11"
    RunDirectory(tmp_path / "x-2").create(tiny())
    RunDirectory(tmp_path / "compare-x").create(tiny())
    (tmp_path / "compare-x" / "searches").mkdir()
    assert [run.path.name for run in runs_in(tmp_path)] == ["x-2"]


@pytest.mark.parametrize("left", [[], ["lock"], ["lock", ".problem.toml.part"]])
def test_a_run_killed_while_it_was_made_is_begun_again(
    tmp_path: Path, tiny: Callable[..., ProblemFile], left: list[str]
) -> None:
    for name in left:
        (tmp_path / name).write_text("")
    assert run_search(tiny(search__generations=1), tmp_path, resume=True).state.status == "finished"


def test_a_run_killed_before_its_first_state_is_begun_again(
    tmp_path: Path, tiny: Callable[..., ProblemFile], finished_run: Run
) -> None:
    RunDirectory(tmp_path / "run").create(tiny())
    resumed = run_search(tiny(), tmp_path / "run", resume=True)
    assert [member.text for member in resumed.front] == [member.text for member in finished_run.front]


def test_an_empty_journal_of_a_run_is_no_empty_run(finished_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished_run.directory.path, copy)
    for journal in copy.glob("journal.sqlite*"):
        journal.unlink()
    (copy / "journal.sqlite").touch()
    with pytest.raises(RunError, match=r"journal.sqlite: holds nothing, though 18 networks were evaluated; restore it"):
        _ = Run(copy).front


def test_a_problem_file_that_is_no_text_is_named(finished_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished_run.directory.path, copy)
    (copy / "problem.toml").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"problem.toml: cannot be read .*; restore it, or search anew"):
        Run(copy)
