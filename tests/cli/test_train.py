"""`coernas train` from the outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from commands import THREAD, coernas, good, refused
from PIL import Image

from coernas_moo.training import load_model, read_spec

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def test_the_knee_of_the_latest_run(digits_run: Path) -> None:
    result = good("train", *THREAD)
    place = digits_run / "models" / "knee"
    assert f"saved: {place}" in result.stdout
    assert "epoch 1/1" in result.stdout
    assert all(words in result.stdout for words in ("F1, macro", "peak memory", "search "))
    expected = {"model.json", "best.pt", "last.pt", "metrics.json", "predictions.csv", "history.csv", "lock"}
    pictures = {"confusion.png", "calibration.png", "curves.png"}
    assert {path.name for path in place.iterdir()} == expected | pictures
    for name in pictures:
        assert Image.open(place / name).width > 300
    before = (place / "curves.png").stat().st_mtime_ns
    (place / "confusion.png").write_bytes(b"not touched")
    assert "was finished already" in good("train").stdout
    assert (place / "curves.png").stat().st_mtime_ns == before
    (place / "curves.png").unlink()
    good("train")
    assert Image.open(place / "confusion.png").width > 300


def test_several_picks_and_seeds(digits_run: Path) -> None:
    result = good("train", "digits-1", "--pick", "1", "--pick", "best", "--pick", "smallest", "--seed", 0, "--seed", 3)
    assert "best is the same network as 1" in result.stderr
    names = {path.name for path in (digits_run / "models").iterdir()}
    assert names == {"1", "1-seed3", "smallest", "smallest-seed3"}
    assert result.stdout.count("(2 seeds)") == 2


def test_json_is_one_document(digits_run: Path) -> None:
    result = good("train", digits_run, "--json")
    (document,) = json.loads(result.stdout)
    assert document["directory"] == str(digits_run / "models" / "knee")
    assert 0 <= document["test"]["accuracy"] <= 1
    assert document["loading_share"] < 1


def test_quiet_prints_directories(digits_run: Path) -> None:
    assert good("train", "--quiet").stdout == f"{digits_run / 'models' / 'knee'}\n"


def test_a_well_known_network_on_a_run_s_images(digits_run: Path) -> None:
    good("train", digits_run, "--model", "plain-cnn", "--epochs", "1", "--name", "mine")
    assert read_spec(digits_run / "models" / "mine").baseline == "plain-cnn"


def test_well_known_networks_on_a_folder(photographs: Path) -> None:
    out = ("--out", "out", "--epochs", "2", *THREAD)
    good("train", "--model", "plain-cnn", "--model", "resnet18-thin", photographs, *out)
    assert {path.name for path in Path("out/models").iterdir()} == {"plain-cnn", "resnet18-thin"}


def test_a_network_that_is_given_twice_is_trained_once(digits_run: Path) -> None:
    twice = ("--model", "plain-cnn", "--model", "plain-cnn")
    assert len(json.loads(good("train", "digits-1", *twice, "--json").stdout)) == 1


def test_a_default_place_for_them() -> None:
    result = good("train", "--model", "plain-cnn", "digits", "--epochs", "1", "--quiet", *THREAD)
    assert result.stdout == "results/runs/digits-baselines/models/plain-cnn\n"


def test_grades_and_groups(csv_of_grades: Path) -> None:
    result = good(
        "train", "--model", "plain-cnn", csv_of_grades, "--ordinal", "--group-by", "^[^_]+", "--epochs", "2", "--out",
        "out", *THREAD, "--augment", "none",
    )  # fmt: skip
    assert "kappa" in result.stdout
    place = Path("out/models/plain-cnn")
    assert json.loads((place / "metrics.json").read_text())["test"]["kappa"] is not None
    tested = [line.split(",")[0] for line in (place / "predictions.csv").read_text().splitlines()[1:]]
    patients = [name.split("_")[0] for name in tested]
    assert all(patients.count(patient) == 2 for patient in patients)


def test_list_of_networks() -> None:
    assert "resnet18" in good("train", "--list").stdout
    assert json.loads(good("train", "--list", "--json").stdout)[0]["params"] > 0


def test_what_was_set_is_kept(digits_run: Path) -> None:
    good("train", "--set", "train.ema=0.5", "--set", "train.mixup=0.2", "--batch", "128", "--learning-rate", "0.01",
         "--class-weights", "sqrt", "--patience", "2")  # fmt: skip
    recipe = read_spec(digits_run / "models" / "knee").recipe
    assert (recipe.ema, recipe.mixup, recipe.batch, recipe.learning_rate) == (0.5, 0.2, 128, 0.01)
    assert (recipe.class_weights, recipe.patience) == ("sqrt", 2)
    assert "train.class_weights" in refused("train", "--class-weights", "heavy")
    assert "train.patience" in refused("train", "--patience", "-1")


def test_killed_and_called_again_it_ends_as_if_undisturbed(digits_run: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "coernas_moo.cli.main",
        "train",
        str(digits_run),
        "--epochs",
        "60",
        "--threads",
        "1",
    ]
    command += ["--batch", "64", "--quiet"]
    # A checkpoint after every epoch, so that there is one soon.
    code = (
        "import sys\nfrom coernas_moo.training import loop\nloop.SECONDS_BETWEEN_CHECKPOINTS = 0.0\n"
        f"from coernas_moo.cli.main import main\nmain({command[3:]!r})\n"
    )
    victim = subprocess.Popen([sys.executable, "-c", code])
    last = digits_run / "models" / "knee" / "last.pt"
    deadline = time.monotonic() + 60
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert 0 < torch.load(last, weights_only=True)["epoch"] < 60
    good(*command[3:])
    good(*command[3:], "--name", "undisturbed")
    killed, whole = (load_model(digits_run / "models" / name) for name in ("knee", "undisturbed"))
    assert killed.epoch == whole.epoch
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, killed.module.state_dict()[name]), name
    texts = [(digits_run / "models" / name / "predictions.csv").read_text() for name in ("knee", "undisturbed")]
    assert texts[0] == texts[1]


def test_ctrl_c_says_how_to_go_on(digits_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coernas_moo.training.session.train", pressed)
    result = coernas("train")
    assert result.exit_code == 130
    assert "go on by giving the same command again" in result.stderr
