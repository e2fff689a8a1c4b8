"""Search, training of picks and well-known networks, and the table of both."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from coernas_moo.cli.main import cli
from torch import nn

from coernas_moo.benchmarks.pipeline import training as pipeline_training
from coernas_moo.benchmarks.pipeline.contestants import contestants
from coernas_moo.benchmarks.pipeline.judging import Judgement, measure_named, read_predictions
from coernas_moo.benchmarks.pipeline.make import PipelineSettings, PipelineTable, pipeline_table, raw_rows
from coernas_moo.benchmarks.pipeline.published import RIVALS
from coernas_moo.benchmarks.pipeline.speed import speeds_in_turns
from coernas_moo.benchmarks.pipeline.training import train_all
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import CoernasError, ModelError
from coernas_moo.networks.known import BASELINES, register_baseline
from coernas_moo.networks.known.parts import conv_bn, head
from coernas_moo.networks.layers import Chain, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.reporting.pipeline_tables import PageText, pipeline_page, protocol_json, raw_csv
from coernas_moo.training import open_training_data, read_metrics
from coernas_moo.training.metrics import confusion_matrix, quadratic_kappa, summary

SMALL = {
    "space.stages": 2,
    "space.max_depth": 1,
    "space.base_width": 4,
    "search.population": 4,
    "search.generations": 2,
    "evaluation.workers": 1,
    "train.epochs": 2,
    "train.batch": 128,
}
SETTINGS = PipelineSettings(
    picks=("best", "smallest", "best"), models=("one-layer",), seeds=2, rounds=1, round_seconds=0.01
)


def one_layer(shape: Shape, classes: int) -> NetworkPlan:
    body = Chain(conv_bn(shape.channels, 8, 3))
    return NetworkPlan(shape, (Block("stem", "convolution 3x3", body), *head(8, classes)))


@pytest.fixture(scope="module", autouse=True)
def _one_layer_is_known() -> Iterator[None]:
    register_baseline("one-layer")(one_layer)
    yield
    del BASELINES._entries["one-layer"]


@pytest.fixture
def problem() -> ProblemFile:
    return load_problem("digits", SMALL)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineTable, Path]:
    folder = tmp_path_factory.mktemp("pipeline") / "run"
    return pipeline_table(load_problem("digits", SMALL), folder, SETTINGS), folder


@pytest.fixture
def made(made_once: tuple[PipelineTable, Path], tmp_path: Path) -> tuple[PipelineTable, Path]:
    """The table, and a run directory that may be changed."""
    return made_once[0], shutil.copytree(made_once[1], tmp_path / "run")


def test_everyone_is_trained_with_every_seed(made: tuple[PipelineTable, Path], problem: ProblemFile) -> None:
    table, folder = made
    names = [entry.name for entry in table.entries]
    assert names[0] == "best"
    assert names[-1] == "one-layer"
    assert [entry.searched for entry in table.entries] == [True] * (len(names) - 1) + [False]
    for entry in table.entries:
        assert [metrics.seed for metrics in entry.metrics] == [0, 1]
        assert {metrics.epochs for metrics in entry.metrics} == {2}
        assert {metrics.threads for metrics in entry.metrics} == {1}
        assert entry.speed.lowest_ms == entry.speed.median_ms == entry.speed.highest_ms > 0
        for metrics in entry.metrics:
            assert read_metrics(folder / "models" / f"{entry.name}-seed{metrics.seed}") == metrics
    rows = raw_rows(table)
    assert [(row["model"], row["seed"]) for row in rows] == [(e.label, s) for e in table.entries for s in (0, 1)]
    assert rows[0]["search_seconds"] == pytest.approx(table.run.state.seconds)
    assert rows[-1]["search_seconds"] is None
    best = table.entries[0]
    mean = np.mean([metrics.test.accuracy for metrics in best.metrics])
    interval = table.judgement.interval("best", "accuracy")
    assert interval.value == pytest.approx(mean)
    assert interval.low <= mean <= interval.high
    assert table.problem == problem


def test_what_is_finished_is_skipped_and_what_was_cut_off_goes_on(
    made: tuple[PipelineTable, Path], problem: ProblemFile
) -> None:
    table, folder = made
    lost = folder / "models" / "one-layer-seed1"
    (lost / "metrics.json").unlink()
    told: list[tuple[str, int, int, bool]] = []
    again = pipeline_table(
        problem, folder, SETTINGS, on_model=lambda metrics, *where: told.append((metrics.name, *where))
    )
    total = len(told)
    assert [name for name, *_, before in told if not before] == ["one-layer-seed1"]
    assert [(done, of) for _, done, of, _ in told] == [(done, total) for done in range(1, total + 1)]
    for before, after in zip(table.entries, again.entries, strict=True):
        assert [m.test for m in before.metrics] == [m.test for m in after.metrics]


def test_any_number_of_workers_gives_one_table(
    made: tuple[PipelineTable, Path], problem: ProblemFile, tmp_path: Path
) -> None:
    other = pipeline_table(problem, tmp_path / "other", replace(SETTINGS, workers=2))
    for one, two in zip(made[0].entries, other.entries, strict=True):
        assert [m.test for m in one.metrics] == [m.test for m in two.metrics]


def test_another_recipe_is_refused_and_trained_on_request(
    made: tuple[PipelineTable, Path], problem: ProblemFile
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
    made: tuple[PipelineTable, Path], problem: ProblemFile
) -> None:
    _, folder = made
    other = load_problem("digits", {**SMALL, "search.seed": 7})
    with pytest.raises(CoernasError, match=r"search.seed was 1, is 7"):
        pipeline_table(other, folder, SETTINGS)
    told: list[tuple[str, bool]] = []
    again = replace(SETTINGS, again=("search",), picks=(), models=("one-layer",))
    table = pipeline_table(other, folder, again, on_model=lambda metrics, _, __, b: told.append((metrics.name, b)))
    assert table.run.problem.search.seed == 7
    assert told == [("one-layer-seed0", True), ("one-layer-seed1", True)]
    undisturbed = pipeline_table(other, folder.with_name("undisturbed"), replace(again, again=("search",), seeds=1))
    assert [member.text for member in table.run.front] == [member.text for member in undisturbed.run.front]


def test_picks_that_are_one_network_are_trained_once(made: tuple[PipelineTable, Path], problem: ProblemFile) -> None:
    table, _ = made
    data = open_training_data(problem)
    found = contestants(table.run, ("1", "best", "smallest"), (), (0,), data, problem)
    assert found[0].label == "1, best"
    assert len({one.specs[0].network_text for one in found}) == len(found)
    (timm,) = contestants(table.run, (), ("timm:some/net",), (3,), data, problem)
    assert timm.specs[0].name == "timm-some-net-seed3"


def test_a_training_that_fails_is_named(problem: ProblemFile, tmp_path: Path) -> None:
    diverging = load_problem("digits", {**SMALL, "train.learning_rate": 1e30, "train.clip": 0.0})
    with pytest.raises(ModelError, match=r"training of one-layer-seed0 failed: .*the loss is no longer finite"):
        pipeline_table(diverging, tmp_path / "run", replace(SETTINGS, picks=(), seeds=1))


def test_trainings_say_how_far_they_are(
    made: tuple[PipelineTable, Path], problem: ProblemFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_training, "SECONDS_BETWEEN_LINES", 0.0)
    data = open_training_data(problem)
    compared = contestants(made[0].run, (), ("one-layer",), (0,), data, problem)
    said = tmp_path / "said.txt"

    def say(line: str) -> None:
        with said.open("a") as file:
            file.write(f"{line}\n")

    (tmp_path / "models").mkdir()
    train_all(compared, data, tmp_path / "models", workers=1, say=say)
    lines = said.read_text().splitlines()
    assert lines[0] == "one-layer-seed0: 178 parameters"
    assert [line.split(",")[0] for line in lines[1:]] == [f"one-layer-seed0: epoch {n}/2" for n in (1, 2)]


# What the table is made of.


@pytest.fixture
def judged() -> Judgement:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    good = np.where(rng.random((2, 60)) < 0.9, labels, rng.integers(0, 3, (2, 60)))
    bad = np.where(rng.random((2, 60)) < 0.4, labels, rng.integers(0, 3, (2, 60)))
    return Judgement(labels, {"good": good, "bad": bad}, 3, resamples=300)


@pytest.mark.parametrize("measure", ["accuracy", "f1_macro", "kappa"])
def test_intervals_agree_with_resampling_images_one_by_one(judged: Judgement, measure: str) -> None:
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 60, 60)
        each = []
        for predicted in judged.predicted["good"]:
            confusion = confusion_matrix(judged.labels[rows], predicted[rows], 3)
            each.append(float(quadratic_kappa(confusion) if measure == "kappa" else summary(confusion)[measure]))
        drawn.append(np.mean(each))
    found = judged.interval("good", measure)
    assert found.low == pytest.approx(np.percentile(drawn, 2.5), abs=0.03)
    assert found.high == pytest.approx(np.percentile(drawn, 97.5), abs=0.03)


def test_differences_are_paired(judged: Judgement) -> None:
    found = judged.difference("good", "bad", "accuracy")
    assert found.value == pytest.approx(
        judged.interval("good", "accuracy").value - judged.interval("bad", "accuracy").value
    )
    assert 0 < found.low < found.value < found.high
    itself = judged.difference("bad", "bad", "accuracy")
    assert (itself.value, itself.low, itself.high) == (0, 0, 0)
    back = judged.difference("bad", "good", "accuracy")
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_measures_by_name() -> None:
    confusion = np.array([[2, 0], [1, 1]])
    assert measure_named("accuracy")(confusion) == 0.75
    assert measure_named("kappa")(confusion) == quadratic_kappa(confusion)


def test_predictions_of_other_images_are_refused(tmp_path: Path) -> None:
    for name, images in (("one", "ab"), ("two", "ac"), ("three", "ab")):
        (tmp_path / name).mkdir()
        lines = "".join(f"{image},x,y\n" for image in images)
        (tmp_path / name / "predictions.csv").write_text(f"image,class,predicted\n{lines}")
    labels, predicted = read_predictions([tmp_path / "one", tmp_path / "three"], ["x", "y"])
    assert labels.tolist() == [0, 0]
    assert predicted.tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ModelError, match="other images"):
        read_predictions([tmp_path / "one", tmp_path / "two"], ["x", "y"])
    with pytest.raises(ModelError, match="not the predictions of a model"):
        read_predictions([tmp_path / "one"], ["x"])
    with pytest.raises(ModelError, match="not the predictions of a model"):
        read_predictions([tmp_path / "nowhere"], ["x"])


def test_slow_networks_take_longer() -> None:
    def wide() -> nn.Module:
        return nn.Conv2d(3, 256, 7)

    found = speeds_in_turns({"wide": wide, "narrow": lambda: nn.Conv2d(3, 1, 1)}, Shape(3, 32, 32), seconds=0.02)
    assert found["wide"].lowest_ms > found["narrow"].lowest_ms


# The page and the commands.


def test_the_page_shows_every_network_and_the_protocol(made: tuple[PipelineTable, Path]) -> None:
    table, _ = made
    text = PageText("A title", "name", "coernas bench something", ("Before.",), ("After.", ""))
    page = pipeline_page(table, text)
    assert page.startswith("# A title\n\n```text\ncoernas bench something\n```\n")
    assert page.endswith("After.\n")
    rows = [line for line in page.splitlines() if line.startswith(("| **", "| one-layer"))]
    accuracy = 100 * np.mean([metrics.test.accuracy for metrics in table.entries[-1].metrics])
    assert f"{accuracy:.2f}±" in rows[len(table.entries) - 1]
    assert "kappa |" not in page
    assert "2 epochs of batches of 128" in page
    assert "seeds 0 to 1" in page
    assert all(f"`{entry.metrics[0].network}`" in page for entry in table.entries if entry.searched)
    assert len(list(csv.DictReader(io.StringIO(raw_csv(table))))) == 2 * len(table.entries)
    document = json.loads(protocol_json(table, "coernas bench something"))
    assert document["images"]["test"] == len(table.data.test)
    assert document["problem"]["train"]["epochs"] == 2


def test_a_page_of_well_known_networks_alone_compares_nothing(problem: ProblemFile, tmp_path: Path) -> None:
    one = replace(SETTINGS, picks=(), seeds=1)
    page = pipeline_page(pipeline_table(problem, tmp_path / "run", one), PageText("A title", "name", "command"))
    assert "Picks against the others" not in page
    assert "seed 0," in page


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def coernas(*arguments: str | Path) -> Result:
    own = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    options = ("--model", "one-layer", "--pick", "smallest", "--seeds", "1", "--workers", "1")
    return CliRunner().invoke(cli, ["bench", *map(str, arguments), *own, *options])


def test_baselines_writes_a_page(in_folder: Path) -> None:
    result = coernas("baselines", "digits")
    assert result.exit_code == 0, result.output
    assert result.stdout == "wrote results/digits/baselines.md\n"
    page = Path("results/digits/baselines.md").read_text()
    assert page.startswith("# digits: what a search finds against what one would take by hand")
    assert "coernas bench baselines digits --pick smallest --model one-layer --seeds 1 --set" in page
    assert {path.name for path in Path("results/digits").iterdir()} == {
        "baselines.md",
        "baselines.csv",
        "protocol.json",
    }
    assert Path("results/runs/digits-baselines/models/one-layer-seed0/confusion.png").is_file()
    assert Path("results/runs/digits-baselines/front.json").is_file()
    again = coernas("baselines", "digits")
    assert again.exit_code == 0, again.output
    assert "one-layer-seed0: test accuracy" in again.stderr
    assert "was finished" in again.stderr


@pytest.fixture
def grades(in_folder: Path) -> Path:
    from PIL import Image

    rng = np.random.default_rng(0)
    rows = ["id_code,diagnosis"]
    (in_folder / "eyes/train_images").mkdir(parents=True)
    for patient in range(30):
        for eye in ("left", "right"):
            pixels = rng.normal(40 + 40 * (patient % 5), 10, (16, 16, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(in_folder / f"eyes/train_images/{patient}_{eye}.png")
            rows.append(f"{patient}_{eye},{patient % 5}")
    (in_folder / "eyes/train.csv").write_text("\n".join(rows) + "\n")
    return in_folder / "eyes"


def test_table7_reports_kappa_and_says_what_it_stands_for(grades: Path) -> None:
    result = coernas("table7", grades, "--set", "data.size=16", "--epochs", "1")
    assert result.exit_code == 0, result.output
    page = Path("results/table7/table7.md").read_text()
    assert "| kappa |" in page
    assert "A stand-in" in page
    assert "coernas bench table7 path/to/images " in page
    assert "aptos2019-blindness-detection" in page
    assert "divided by group" in page
    assert str(grades) not in page + Path("results/table7/protocol.json").read_text()
    for name, timm in RIVALS.items():
        assert f"| {name} | {'not in timm' if timm is None else f'`{timm}`'} |" in page


def test_table6_is_that_of_steel(photographs: Path, in_folder: Path) -> None:
    result = coernas("table6", photographs, "--set", "data.size=8")
    assert result.exit_code == 0, result.output
    page = Path("results/table6/table6.md").read_text()
    assert page.startswith("# Table 6: search, then training, on steel surface defects")
    assert "| kappa |" not in page
    assert "97.22" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("table6", "no-such-folder"), ("no-such-folder",)),
        (("baselines", "xsdd"), ("xsdd", "--data")),
        (("baselines", "digits", "--model", "nobody"), ("nobody",)),
        (("baselines", "digits", "--pick", "9999"), ("9999",)),
        (("baselines", "digits", "--again", "nobody"), ("--again nobody",)),
        (("baselines", "digits", "--out", "a-file/out"), ("a-file/out", "--out")),
    ],
)
def test_bad_input_is_one_line(in_folder: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    Path("a-file").write_text("")
    result = coernas(*arguments)
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("coernas: ")
    assert all(word in line for word in words), line


def test_interrupted_says_how_to_go_on(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coernas_moo.benchmarks.pipeline.make.train_all", interrupt)
    result = coernas("baselines", "digits")
    assert result.exit_code == 130
    assert "go on by giving the same command again" in result.stderr
