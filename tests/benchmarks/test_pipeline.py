"""A pipeline table is made: search, repetitions, trainings, what is finished and what is made anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from pipelines import SETTINGS, SMALL

from coernas_moo.benchmarks.pipeline import training as pipeline_training
from coernas_moo.benchmarks.pipeline.contestants import contestants
from coernas_moo.benchmarks.pipeline.make import PipelineTable, pipeline_table, raw_rows
from coernas_moo.benchmarks.pipeline.repetitions import repetitions
from coernas_moo.benchmarks.pipeline.training import train_all
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import CoernasError, ModelError, ProblemFileError
from coernas_moo.training import read_metrics

pytestmark = pytest.mark.usefixtures("one_layer_known")


@pytest.fixture
def made(pipeline_made_once: tuple[PipelineTable, Path], tmp_path: Path) -> tuple[PipelineTable, Path]:
    """The table, and a run directory that may be changed."""
    return pipeline_made_once[0], shutil.copytree(pipeline_made_once[1], tmp_path / "run")


def test_everyone_is_trained_with_every_seed(made: tuple[PipelineTable, Path], small_digits: ProblemFile) -> None:
    table, folder = made
    names = [entry.name for entry in table.entries]
    assert names[0] == "best"
    assert names[-1] == "one-layer"
    assert [entry.searched for entry in table.entries] == [True] * (len(names) - 1) + [False]
    for entry in table.entries:
        assert [metrics.seed for metrics in entry.metrics] == [1, 2]
        assert {metrics.epochs for metrics in entry.metrics} == {2}
        assert {metrics.threads for metrics in entry.metrics} == {1}
        assert entry.speed.lowest_ms == entry.speed.median_ms == entry.speed.highest_ms > 0
        for metrics in entry.metrics:
            assert read_metrics(folder / "models" / f"{entry.name}-seed{metrics.seed}") == metrics
    assert len({one.data.test.names for one in table.repetitions}) == 2
    rows = raw_rows(table)
    assert [row["split_seed"] for row in rows[:2]] == [1, 2]
    assert [(row["model"], row["seed"]) for row in rows] == [(e.label, s) for e in table.entries for s in (1, 2)]
    assert rows[0]["search_seconds"] == pytest.approx(table.run.state.seconds)
    assert rows[-1]["search_seconds"] is None
    best = table.entries[0]
    mean = np.mean([metrics.test.accuracy for metrics in best.metrics])
    interval = table.judgement.interval("best", "accuracy")
    assert interval.value == pytest.approx(mean)
    assert interval.low <= mean <= interval.high
    assert table.problem == small_digits


def test_what_is_finished_is_skipped_and_what_was_cut_off_goes_on(
    made: tuple[PipelineTable, Path], small_digits: ProblemFile
) -> None:
    table, folder = made
    lost = folder / "models" / "one-layer-seed1"
    (lost / "metrics.json").unlink()
    told: list[tuple[str, int, int, bool]] = []
    again = pipeline_table(
        small_digits, folder, SETTINGS, on_model=lambda metrics, *where: told.append((metrics.name, *where))
    )
    total = len(told)
    assert [name for name, *_, before in told if not before] == ["one-layer-seed1"]
    assert [(done, of) for _, done, of, _ in told] == [(done, total) for done in range(1, total + 1)]
    for before, after in zip(table.entries, again.entries, strict=True):
        assert [m.test for m in before.metrics] == [m.test for m in after.metrics]


def test_any_number_of_workers_gives_one_table(
    made: tuple[PipelineTable, Path], small_digits: ProblemFile, tmp_path: Path
) -> None:
    other = pipeline_table(small_digits, tmp_path / "other", replace(SETTINGS, workers=2))
    for one, two in zip(made[0].entries, other.entries, strict=True):
        assert [m.test for m in one.metrics] == [m.test for m in two.metrics]


def test_another_recipe_is_refused_and_trained_on_request(
    made: tuple[PipelineTable, Path], small_digits: ProblemFile
) -> None:
    _, folder = made
    register = load_problem("digits", {**SMALL, "train.epochs": 1})
    models = replace(SETTINGS, picks=(), models=("one-layer",), seeds=1)
    with pytest.raises(ModelError, match=r"train.epochs was 2, is 1; train it anew with --again one-layer"):
        pipeline_table(register, folder, models)
    table = pipeline_table(register, folder, replace(models, again=("one-layer",)))
    assert table.entries[0].metrics[0].epochs == 1
    with pytest.raises(ModelError, match=r"--again nobody: .*one-layer"):
        pipeline_table(register, folder, replace(models, again=("nobody",)))


def test_a_search_is_made_anew_on_request_and_the_models_stay(
    made: tuple[PipelineTable, Path], small_digits: ProblemFile
) -> None:
    _, folder = made
    other = load_problem("digits", {**SMALL, "search.seed": 7})
    with pytest.raises(CoernasError, match=r"search.seed was 1, is 7"):
        pipeline_table(other, folder, SETTINGS)
    told: list[tuple[str, bool]] = []
    again = replace(SETTINGS, again=("search",), picks=(), models=("one-layer",))
    table = pipeline_table(other, folder, again, on_model=lambda metrics, _, __, b: told.append((metrics.name, b)))
    assert table.run.problem.search.seed == 7
    assert told == [("one-layer-seed1", True), ("one-layer-seed2", True)]
    undisturbed = pipeline_table(other, folder.with_name("undisturbed"), replace(again, again=("search",), seeds=1))
    assert [member.text for member in table.run.front] == [member.text for member in undisturbed.run.front]


def test_picks_that_are_one_network_are_trained_once(made: tuple[PipelineTable, Path]) -> None:
    table, _ = made
    found = contestants(table.run, ("1", "best", "smallest"), (), table.repetitions)
    assert found[0].label == "1, best"
    assert len({one.specs[0].network_text for one in found}) == len(found)
    (timm,) = contestants(table.run, (), ("timm:some/net",), table.repetitions[1:])
    assert timm.specs[0].name == "timm-some-net-seed2"


def test_a_training_that_fails_is_named(small_digits: ProblemFile, tmp_path: Path) -> None:
    diverging = load_problem("digits", {**SMALL, "train.learning_rate": 1e30, "train.clip": 0.0})
    with pytest.raises(ModelError, match=r"training of one-layer-seed1 failed: .*the loss is no longer finite"):
        pipeline_table(diverging, tmp_path / "run", replace(SETTINGS, picks=(), seeds=1))


def test_what_cannot_be_built_or_picked_is_told_before_the_search(small_digits: ProblemFile, tmp_path: Path) -> None:
    with pytest.raises(CoernasError, match="no baseline named 'resnet81'"):
        pipeline_table(small_digits, tmp_path / "run", replace(SETTINGS, models=("one-layer", "resnet81")))
    with pytest.raises(CoernasError, match="no member 'quickest' in any front; choose best, knee"):
        pipeline_table(small_digits, tmp_path / "run", replace(SETTINGS, picks=("best", "quickest")))
    assert not (tmp_path / "run").exists()


def test_trainings_say_how_far_they_are(
    made: tuple[PipelineTable, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_training, "SECONDS_BETWEEN_LINES", 0.0)
    (one, _) = made[0].repetitions
    compared = contestants(made[0].run, (), ("one-layer",), (one,))
    said = tmp_path / "said.txt"

    def say(line: str) -> None:
        with said.open("a") as file:
            file.write(f"{line}\n")

    (tmp_path / "models").mkdir()
    train_all(compared, {1: one.data}, tmp_path / "models", workers=1, say=say)
    lines = said.read_text().splitlines()
    assert lines[0] == "one-layer-seed1: 178 parameters"
    assert [line.split(",")[0] for line in lines[1:]] == [f"one-layer-seed1: epoch {n}/2" for n in (1, 2)]


def test_a_model_trained_by_hand_is_found_finished(made: tuple[PipelineTable, Path], small_digits: ProblemFile) -> None:
    _, folder = made
    shutil.rmtree(folder / "models" / "best-seed1")
    by_hand = ["train", str(folder), "--pick", "best", "--seed", "1", "--set", "train.split_seed=1"]
    result = CliRunner().invoke(cli, [*by_hand, "--name", "best-seed1", "--threads", "1"])
    assert result.exit_code == 0, result.output
    told: dict[str, bool] = {}
    pipeline_table(
        small_digits, folder, SETTINGS, on_model=lambda metrics, *where: told.update({metrics.name: where[-1]})
    )
    assert told["best-seed1"]
    assert all(told.values())


def test_a_test_part_of_the_data_stays(photographs: Path, tmp_path: Path) -> None:
    for name in ("train", "test"):
        shutil.copytree(photographs, tmp_path / "split" / name)
    own = {"data.path": str(tmp_path / "split"), "data.size": 8, "train.validation_share": 0.2}
    one, two = repetitions(load_problem("xsdd", own), 2)
    assert one.data.test.names == two.data.test.names
    assert one.data.validation.names != two.data.validation.names
    assert one.data.train.store is two.data.train.store
    with pytest.raises(ProblemFileError, match=r"train.split_seed: 9223372036854775807 leaves no room"):
        repetitions(load_problem("digits", {"train.split_seed": 2**63 - 1}), 1)
