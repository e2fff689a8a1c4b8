"""A training on screen and its pictures."""

from __future__ import annotations

import io
import time

import msgspec
import numpy as np
import pytest
from measures import metrics
from rich.console import Console

from coernas_moo.config import load_problem
from coernas_moo.reporting.training_live import TrainingLines, TrainingScreen, recipe_text
from coernas_moo.reporting.training_plots import calibration_figure, confusion_figure, curves_figure
from coernas_moo.reporting.training_view import measure_rows, metrics_columns, metrics_row, seed_lines
from coernas_moo.training import Epoch, Recipe, TrainingData, open_training_data
from coernas_moo.training.metrics import Reliability


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return open_training_data(load_problem("digits"))


def epoch(number: int, judged: bool) -> Epoch:
    validation = {"accuracy": 0.9, "loss": 0.3} if judged else {}
    return Epoch(number, 3, 0.5, 0.01, validation, 1, 2.0, 100.0, 0.01, 4.0)


@pytest.mark.parametrize("judged", [True, False])
def test_the_screen_shows_the_last_epochs(data: TrainingData, judged: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with TrainingScreen(console, print) as screen:
        screen.started("knee", data, Recipe(), {"genotype": "conv3:max"}, 1)
        console.print(screen.render())
        for number in (2, 3):
            screen.epoch(epoch(number, judged))
        console.print(screen.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("conv3:max", "1,259 images 1x8x8", "after epoch 1", "first epoch", "2/3", "3/3", "100%"):
        assert words in text
    assert ("90.00 %" in text) == judged


def test_a_long_genotype_breaks_between_its_stages(data: TrainingData) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60)
    stages = ["sep3,conv5,mb6k5:l2:x0.75/", "conv5,sep3,dil3:mix:x0.5/", "conv3,mb3k3:avg:x0.25"]
    with TrainingScreen(console, print) as screen:
        screen.started("knee", data, Recipe(), {"genotype": "".join(stages)}, 0)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(stage in text for stage in stages)


@pytest.mark.parametrize(("width", "last"), [(100, "images/s"), (60, "best epoch"), (38, "val. accuracy")])
def test_a_narrow_terminal_shows_fewer_columns_and_cuts_none(data: TrainingData, width: int, last: str) -> None:
    console = Console(file=io.StringIO(), width=width)
    screen = TrainingScreen(console, print)
    screen.epoch(epoch(1, True))
    console.print(screen.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    heading = next(line for line in text.splitlines() if "epoch" in line)
    assert heading.rstrip().endswith(last)
    assert "90.00 %" in text
    assert "…" not in text


def test_the_measure_that_chooses_the_epoch_is_shown(data: TrainingData) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    judged = Epoch(1, 3, 0.5, 0.01, {"accuracy": 0.9, "kappa": 0.25, "loss": 0.3}, 1, 2.0, 100.0, 0.01, 4.0)
    with TrainingScreen(console, print) as screen:
        screen.started("knee", data, Recipe(select="kappa"), {}, 0)
        screen.epoch(judged)
        console.print(screen.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "val. kappa" in text
    assert "0.2500" in text
    said: list[str] = []
    lines = TrainingLines(said.append, print)
    for select in ("loss", "accuracy"):
        lines.started("knee", data, Recipe(select=select), {}, 0)
        lines.epoch(judged)
    assert said.count("") == 1
    assert [line.count("  loss 0.") for line in said if line.startswith("epoch")] == [2, 1]


def test_the_clock_stands_still_when_training_is_over(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), width=120)
    screen = TrainingScreen(console, print)
    screen.epoch(epoch(3, True))
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    console.print(screen.render())
    assert "0:02 so far" in console.file.getvalue()  # type: ignore[attr-defined]


def test_warnings_are_said_once(data: TrainingData) -> None:
    from dataclasses import replace

    said: list[str] = []
    with TrainingScreen(Console(file=io.StringIO()), said.append) as screen:
        for _ in range(2):
            screen.started("knee", replace(data, warnings=("look",)), Recipe(), {}, 0)
    assert said == ["look"]


def test_tables_have_kappa_where_there_is_one() -> None:
    assert "kappa" not in metrics_columns([metrics()])
    columns = metrics_columns([metrics(), metrics(1, 0.5)])
    assert len(metrics_row(metrics(), True)) == len(columns) + 1
    assert metrics_row(metrics(1, 0.5), True)[1 + columns.index("kappa")] == "0.500"
    assert metrics_row(metrics(), True)[1 + columns.index("kappa")] == "–"


def test_all_measures_of_one_model_are_listed() -> None:
    plain = {label: (value, interval) for label, value, interval in measure_rows(metrics())}
    assert plain["precision, macro"] == ("75.00 %", "50.0–100.0")
    assert plain["peak memory of training"] == ("–", "")
    assert "quadratic kappa" not in plain
    old = msgspec.structs.replace(metrics().test, intervals={"accuracy": (0.5, 1.0)})
    assert ("calibration error", "10.00 %", "") in measure_rows(msgspec.structs.replace(metrics(), test=old))
    graded = {label: (value, interval) for label, value, interval in measure_rows(metrics(kappa=0.5))}
    assert graded["quadratic kappa"] == ("0.500", "0.250 to 0.750")
    assert set(graded) - set(plain) == {"quadratic kappa"}


def test_seeds_are_summed_up() -> None:
    assert list(seed_lines([metrics()])) == []
    (line,) = seed_lines([metrics(0), metrics(1)])
    assert line == "conv3:max: accuracy 75.00 ± 0.00 %, macro F1 75.00 ± 0.00 % (2 seeds)"


def test_pictures_say_what_they_show() -> None:
    confusion = confusion_figure(metrics())
    (axes,) = confusion.axes
    assert [text.get_text() for text in axes.texts] == ["2", "1", "1"]
    assert "75.00 % of 4 test images" in axes.get_title(loc="left")
    assert len(axes.get_yticklabels()[1].get_text()) == 36
    found = Reliability(np.array([1, 3]), np.array([0.4, 0.9]), np.array([1.0, 2 / 3]))
    (axes,) = calibration_figure(metrics(), found).axes
    (dots,) = axes.collections
    assert np.allclose(np.asarray(dots.get_offsets()), [[40, 100], [90, 200 / 3]])
    assert np.ptp(dots.get_sizes()) == pytest.approx(150)
    assert axes.get_title(loc="left") == "knee-0: calibration error 10.00 %\n95 % interval 50.00 % to 100.00 %"
    old = msgspec.structs.replace(metrics().test, intervals={})
    (axes,) = calibration_figure(msgspec.structs.replace(metrics(), test=old), found).axes
    assert axes.get_title(loc="left") == "knee-0: calibration error 10.00 %"
    row = {"epoch": 1.0, "loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}
    judged = curves_figure(metrics(), [row | {"validation_accuracy": 0.9, "validation_loss": 0.2}])
    blind = curves_figure(metrics(), [row])
    assert judged.axes[1].get_ylabel() == "validation accuracy, %"
    assert blind.axes[1].get_ylabel() == "learning rate"


@pytest.mark.parametrize(
    "network",
    [
        "/".join(["bottleneck3,bottleneck3,dil3:blur:x0.75"] * 4),
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        "conv3:max",
    ],
)
def test_the_title_of_curves_fits_the_picture(network: str) -> None:
    long = msgspec.structs.replace(metrics(), network=network)
    row = {"epoch": 1.0, "loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}
    figure = curves_figure(long, [row])
    title = figure.get_suptitle()
    assert title.replace("\n", "") == f"knee-0: {long.network}"
    (text,) = [text for text in figure.texts if text.get_text() == title]
    box = text.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert box.y0 > max(axes.get_window_extent().y1 for axes in figure.axes)


def test_a_recipe_says_what_share_of_the_images_is_warped() -> None:
    text = recipe_text(Recipe(augment="none", scale=0.2, warp=0.5))
    assert "scale 20%, 50% of the images rotated and scaled" in text
    assert "of the images" not in recipe_text(Recipe(augment="photo", warp=0.5))


def test_a_recipe_says_all_that_decides_what_is_learnt() -> None:
    recipe = Recipe(epochs=1, mixup=0.2, ema=0.9, class_weights="sqrt", clip=5, patience=3, label_smoothing=0.0)
    text = recipe_text(recipe)
    assert text.startswith("1 epoch of batches of 64, ")
    assert text.endswith(
        "mixup 0.2, averaged weights (0.9), classes weighted (sqrt), gradients clipped at 5, patience 3"
    )
    assert "label smoothing" not in text
    assert "averaged" not in recipe_text(Recipe(ema=0.0))
