"""What a pipeline table says: intervals, differences, latencies, the page and the commands that write it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from coernas_moo.cli.main import cli
from pipelines import SETTINGS, SMALL
from torch import nn

from coernas_moo.benchmarks.pipeline.judging import Judgement, Truth, measure_named, read_predictions
from coernas_moo.benchmarks.pipeline.make import PipelineTable, pipeline_table
from coernas_moo.benchmarks.pipeline.published import RIVALS
from coernas_moo.benchmarks.pipeline.repetitions import repetitions, warnings_of
from coernas_moo.benchmarks.pipeline.speed import speeds_in_turns
from coernas_moo.config import ProblemFile
from coernas_moo.errors import ModelError
from coernas_moo.networks.layers import Shape
from coernas_moo.reporting.pipeline_tables import PageText, pipeline_page, protocol_json, raw_csv
from coernas_moo.training.metrics import confusion_matrix, quadratic_kappa, summary

pytestmark = pytest.mark.usefixtures("one_layer_known")


# What the table is made of.


@pytest.fixture
def judged() -> Judgement:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    good = np.where(rng.random((2, 60)) < 0.9, labels, rng.integers(0, 3, (2, 60)))
    bad = np.where(rng.random((2, 60)) < 0.4, labels, rng.integers(0, 3, (2, 60)))
    truth = Truth(tuple(map(str, range(60))), labels)
    return Judgement([truth, truth], {"good": good, "bad": bad}, 3, resamples=300)


@pytest.mark.parametrize("measure", ["accuracy", "f1_macro", "kappa"])
def test_intervals_agree_with_resampling_images_one_by_one(judged: Judgement, measure: str) -> None:
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 60, 60)
        each = []
        for predicted in judged.predicted["good"]:
            confusion = confusion_matrix(judged.tests[0].labels[rows], predicted[rows], 3)
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


def test_other_test_images_are_drawn_by_themselves() -> None:
    rng = np.random.default_rng(0)
    tests = [Truth(tuple(f"{k}-{n}" for n in range(400)), rng.integers(0, 2, 400)) for k in range(2)]
    half = [np.where(rng.random(400) < 0.5, test.labels, 1 - test.labels) for test in tests]
    apart = Judgement(tests, {"half": half}, 2).interval("half", "accuracy")
    same = Judgement([tests[0], tests[0]], {"half": [half[0], half[0]]}, 2).interval("half", "accuracy")
    # The mean of two independent draws spreads less, by the root of two.
    assert (same.high - same.low) / (apart.high - apart.low) == pytest.approx(2**0.5, rel=0.1)
    few = Truth(("x", "y", "z"), np.array([0, 1, 1]))
    uneven = Judgement([tests[0], few], {"half": [half[0], few.labels]}, 2)
    assert uneven.interval("half", "accuracy").value == pytest.approx((1 + (half[0] == tests[0].labels).mean()) / 2)


def test_predictions_of_other_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image,class,predicted\na,x,y\nb,x,y\n")
    labels = np.array([0, 0])
    assert read_predictions(tmp_path, Truth(("a", "b"), labels), ["x", "y"]).tolist() == [1, 1]
    for other in (Truth(("a", "c"), labels), Truth(("a", "b"), 1 - labels), Truth(("a",), labels[:1])):
        with pytest.raises(ModelError, match="other images"):
            read_predictions(tmp_path, other, ["x", "y"])
    for directory, classes in ((tmp_path, ["x"]), (tmp_path / "nowhere", ["x", "y"])):
        with pytest.raises(ModelError, match="not the predictions of a model"):
            read_predictions(directory, Truth(("a", "b"), labels), classes)


def test_slow_networks_take_longer() -> None:
    def wide() -> nn.Module:
        return nn.Conv2d(3, 256, 7)

    found = speeds_in_turns({"wide": wide, "narrow": lambda: nn.Conv2d(3, 1, 1)}, Shape(3, 32, 32), seconds=0.02)
    assert found["wide"].lowest_ms > found["narrow"].lowest_ms


# The page and the commands.


def test_the_page_shows_every_network_and_the_protocol(pipeline_made_once: tuple[PipelineTable, Path]) -> None:
    table, _ = pipeline_made_once
    text = PageText("A title", "name", "coernas bench something", ("Before.",), ("After.", ""))
    page = pipeline_page(table, text)
    assert page.startswith("# A title\n\n```text\ncoernas bench something\n```\n")
    assert page.endswith("After.\n")
    rows = [line for line in page.splitlines() if line.startswith(("| **", "| one-layer"))]
    accuracy = 100 * np.mean([metrics.test.accuracy for metrics in table.entries[-1].metrics])
    assert f"{accuracy:.2f}±" in rows[len(table.entries) - 1]
    assert "kappa |" not in page
    assert "2 epochs of batches of 512" in page
    shares = {
        round(100 * max(map(labels.count, labels)) / len(labels))
        for labels in (one.data.test.labels.tolist() for one in table.repetitions)
    }
    assert f" to test on, {' to '.join(map(str, sorted(shares)))} % of these of one class" in " ".join(page.split())
    assert "seeds 1 to 2," in page
    assert "2 divisions, the same for all networks, each network trained once on each: random, stratified" in " ".join(
        page.split()
    )
    assert all(f"`{entry.metrics[0].network}`" in page for entry in table.entries if entry.searched)
    assert len(list(csv.DictReader(io.StringIO(raw_csv(table))))) == 2 * len(table.entries)
    document = json.loads(protocol_json(table, "coernas bench something"))
    assert [one["split_seed"] for one in document["repetitions"]] == [1, 2]
    assert document["repetitions"][0]["test"] == len(table.data.test)
    assert document["problem"]["train"]["epochs"] == 2


def test_a_page_of_well_known_networks_alone_compares_nothing(small_digits: ProblemFile, tmp_path: Path) -> None:
    one = replace(SETTINGS, picks=(), seeds=1)
    page = pipeline_page(pipeline_table(small_digits, tmp_path / "run", one), PageText("A title", "name", "command"))
    assert "Picks against the others" not in page
    assert "seed 1," in page
    assert "One division, " in page


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def coernas(*arguments: str | Path, seeds: int = 1) -> Result:
    own = [part for key, value in SMALL.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    options = ("--model", "one-layer", "--pick", "smallest", "--seeds", str(seeds), "--workers", "1")
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
    assert Path("results/runs/digits-baselines/models/one-layer-seed1/confusion.png").is_file()
    assert Path("results/runs/digits-baselines/front.json").is_file()
    again = coernas("baselines", "digits")
    assert again.exit_code == 0, again.output
    assert "one-layer-seed1: test accuracy" in again.stderr
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
    assert "random, by group" in page
    assert str(grades) not in page + Path("results/table7/protocol.json").read_text()
    for name, timm in RIVALS.items():
        assert f"| {name} | {'not in timm' if timm is None else f'`{timm}`'} |" in page


def test_groups_are_divided_anew_for_each_seed(grades: Path) -> None:
    result = coernas("table7", grades, "--set", "data.size=16", "--epochs", "1", seeds=2)
    assert result.exit_code == 0, result.output
    page = " ".join(Path("results/table7/table7.md").read_text().split())
    assert "2 divisions, the same for all networks, each network trained once on each: random, by group (images" in page
    document = json.loads(Path("results/table7/protocol.json").read_text())
    assert len({one["division"] for one in document["repetitions"]}) == 2
    models = Path("results/runs/table7/models")
    for seed in (1, 2):
        lines = (models / f"one-layer-seed{seed}/predictions.csv").read_text().splitlines()[1:]
        patients = [line.split(",")[0].rsplit("/", 1)[-1].split("_")[0] for line in lines]
        assert all(patients.count(patient) == 2 for patient in patients)


def split_folder(photographs: Path, folder: Path, **parts: tuple[str, ...]) -> Path:
    for part, classes in parts.items():
        for name in classes:
            shutil.copytree(photographs / name, folder / "split" / part / name)
    return folder / "split"


BOTH = ("dark", "light")


def test_a_test_part_of_its_own_and_its_lack_of_a_class_are_told(photographs: Path, in_folder: Path) -> None:
    (photographs / "dark/broken.png").write_bytes(b"no image")
    data = split_folder(photographs, in_folder, train=BOTH, test=("dark",))
    result = coernas("table6", data, "--set", "data.size=8", "--set", "train.validation_share=0.2", seeds=2)
    assert result.exit_code == 0, result.output
    warning = "the test part has no image of 'light'"
    assert [line for line in result.stderr.splitlines() if warning in line] == [f"coernas: warning: {warning}"]
    assert result.stderr.count("broken.png") == 1
    page = " ".join(Path("results/table6/table6.md").read_text().split())
    assert f"- Note: {warning}." in page
    assert "The test part is the data's own, the same for all trainings; the rest is divided 2 times, each" in page


def test_a_division_of_its_own_is_told(photographs: Path, in_folder: Path) -> None:
    data = split_folder(photographs, in_folder, train=BOTH, val=BOTH, test=BOTH)
    result = coernas("table6", data, "--set", "data.size=8", seeds=2)
    assert result.exit_code == 0, result.output
    page = " ".join(Path("results/table6/table6.md").read_text().split())
    assert "The division is the data's own, the same for all trainings; each network is trained 2 times on it" in page
    assert "Note:" not in page


def test_warnings_of_one_division_name_its_seed(small_digits: ProblemFile) -> None:
    one, two = repetitions(small_digits, 2)
    told = [replace(one, data=replace(one.data, warnings=("both", "first"))),
            replace(two, data=replace(two.data, warnings=("both",)))]  # fmt: skip
    assert warnings_of(told) == ("both", "seed 1: first")


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
