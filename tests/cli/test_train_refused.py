"""What `coernas train` refuses: one line each, nothing written, nothing lost."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from commands import THREAD, coernas, good, refused
from PIL import Image

from coernas_moo.config import load_problem
from coernas_moo.networks.known import register_baseline
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Linear, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.testing.runs import make_run

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def folder_of(counts: dict[str, int]) -> Path:
    for name, count in counts.items():
        Path("photos", name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8, 8), 3 * number).save(Path("photos", name, f"{number}.png"))
    return Path("photos")


def test_a_class_with_one_image() -> None:
    line = refused("train", "--model", "plain-cnn", folder_of({"a": 9, "b": 1}), "--out", "out")
    assert "photos: class 'b' has one image only" in line
    assert not Path("out").exists()


def test_a_corrupt_image(photographs: Path) -> None:
    broken = photographs / "dark" / "11.png"
    broken.write_bytes(broken.read_bytes()[:70])
    result = good("train", "--model", "plain-cnn", photographs, "--epochs", "2", "--out", "out", *THREAD)
    assert "1 image cannot be read and is left out" in result.stderr
    assert "11.png" in result.stderr
    assert len(Path("out/models/plain-cnn/predictions.csv").read_text().splitlines()) == 9


def test_a_class_whose_images_are_all_broken() -> None:
    photos = folder_of({"a": 9, "b": 3})
    for path in (photos / "b").iterdir():
        path.write_bytes(b"no image")
    line = refused("train", "--model", "plain-cnn", photos, "--out", "out")
    assert "class 'b' has no images to train on" in line
    assert "3 images cannot be read and are left out" in line
    assert not Path("out").exists()


def test_an_image_that_breaks_before_a_training_goes_on(photographs: Path) -> None:
    command = ("train", "--model", "plain-cnn", photographs, "--epochs", "1", "--out", "out", *THREAD)
    good(*command)
    (Path("out") / "models" / "plain-cnn" / "metrics.json").unlink()
    before = (Path("out") / "models" / "plain-cnn" / "last.pt").read_bytes()
    for path in sorted((photographs / "dark").iterdir())[:6]:
        path.write_bytes(b"no image")
    assert "trained on other images: some have been added, changed or removed since" in refused(*command)
    assert (Path("out") / "models" / "plain-cnn" / "last.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("labels", "fragment"), [({"35": "-1"}, "'-1' is no grade"), ({"35": "severe", "34": "severe"}, "'severe' is no")]
)
def test_labels_that_are_no_grades(csv_of_grades: Path, labels: dict[str, str], fragment: str) -> None:
    relabel(csv_of_grades / "train.csv", labels)
    line = refused("train", "--model", "plain-cnn", "aptos", "--data", csv_of_grades, "--out", "out")
    assert fragment in line
    assert "train.csv" in line
    assert not Path("out").exists()


def test_a_gap_in_the_grades_is_told(csv_of_grades: Path) -> None:
    relabel(csv_of_grades / "train.csv", {str(patient): "7" for patient in range(2, 36, 3)})
    options = ("--epochs", "1", "--set", "data.size=8", "--out", "out", *THREAD)
    result = good("train", "--model", "plain-cnn", "aptos", "--data", csv_of_grades, *options)
    assert "has gaps: no image has 2 to 6" in result.stderr


def relabel(table: Path, patients: dict[str, str]) -> None:
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join(f"{name},{patients.get(name.split('_')[0], label)}" for name, label in rows) + "\n")


def test_a_truncated_checkpoint_to_go_on_from(digits_run: Path) -> None:
    good("train", "--quiet")
    place = digits_run / "models" / "knee"
    (place / "metrics.json").unlink()
    (place / "last.pt").write_bytes((place / "last.pt").read_bytes()[:200])
    assert "last.pt: not a checkpoint, or cut off" in refused("train")
    good("train", "--anew", "--quiet")


def test_a_checkpoint_of_another_network_to_go_on_from(digits_run: Path) -> None:
    good("train", "--pick", "best", "--pick", "smallest", "--quiet")
    place = digits_run / "models" / "smallest"
    (place / "metrics.json").unlink()
    (place / "last.pt").write_bytes((digits_run / "models" / "best" / "last.pt").read_bytes())
    assert "a checkpoint of another architecture" in refused("train", "--pick", "smallest")


def test_other_settings_in_the_same_place(digits_run: Path) -> None:
    good("train", "--quiet")
    assert "train.epochs was 1, is 2" in refused("train", "--epochs", "2")


def test_an_image_size_that_a_network_cannot_take(photographs: Path) -> None:
    @register_baseline("fixed")
    def fixed(shape: Shape, classes: int) -> NetworkPlan:
        """Made for 16x16 images, whatever it is given."""
        body = Chain((Conv(shape.channels, 4, 3), BatchNorm(4)))
        return NetworkPlan(shape, (Block("body", "b", body), Block("head", "h", Linear(4 * 256, classes))))

    line = refused("train", "--model", "fixed", photographs, "--out", "out")
    assert "fixed cannot take images of 1x8x8" in line
    assert "data.size" in line
    assert not Path("out").exists()


def test_images_that_have_changed_since_the_search(csv_of_grades: Path) -> None:
    problem = load_problem(
        "aptos", {"data.path": str(csv_of_grades.absolute()), "data.size": 8, "data.channels": 1, "space.stages": 2}
    )
    make_run(Path("run"), problem, networks=5)
    table = csv_of_grades / "train.csv"
    table.write_text(table.read_text().replace("35_left,2", "35_left,3"))
    said = refused("train", "run")
    assert "the classes have changed since this run began: the images are now with '3'; give those of then" in said


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (("--pick", "9999"), ("no member '9999'",)),
        (("--pick", "nicest"), ("no member 'nicest'", "knee")),
        (("--model", "resnet81"), ("no baseline named 'resnet81'", "did you mean 'resnet18'")),
        (("--model", "timm:resnet81"), ("timm",)),
        (("--epochs", "0"), ("train.epochs", ">= 1")),
        (("--augment", "wild"), ("train.augment",)),
        (("--set", "train.augmnt=photo"), ("augmnt", "augment")),
        (("--set", "search.seed=3"), ("search.seed", "only keys of train")),
        (("--group-by", "("), ("train.group_by", "no regular expression")),
        (("--group-by", "_"), ("matches nothing",)),
        (("--ordinal",), ("ordinal",)),
        (("--device", "toaster"), ("no device 'toaster'",)),
        (("--name", "../knee"), ("--name ../knee", "without /")),
        (("--name", "a/b"), ("without /",)),
        (("--name", ".."), ("without /",)),
        (("--name", "n" * 300), ("at most 200 bytes",)),
        (("--name", ""), ("--name ''", "give a folder's name")),
        (("--name", "a\0b"), ("--name 'a", "give a folder's name")),
    ],
)
def test_one_line_for_what_cannot_be(digits_run: Path, arguments: tuple[str, ...], fragments: tuple[str, ...]) -> None:
    line = refused("train", "digits-1", *arguments)
    for fragment in fragments:
        assert fragment in line
    assert "Traceback" not in line
    assert not list((digits_run).glob("models/*/last.pt"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--pick", "knee", "--model", "resnet18"),
        ("--pick", "1", "--pick", "2", "--name", "x"),
        ("--seed", str(2**63)),
    ],
)
def test_options_that_exclude_each_other(digits_run: Path, arguments: tuple[str, ...]) -> None:
    result = coernas("train", *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_training_that_could_not_begin_leaves_its_name_free(digits_run: Path) -> None:
    said = refused("train", "digits-1", "--device", "tpu", "--name", "a")
    assert "tpu" in said
    assert not (digits_run / "models/a").exists()
    assert coernas("train", "digits-1", "--pick", "knee", "--name", "a", "--quiet", *THREAD).exit_code == 0
    for name in ("best.pt", "last.pt", "metrics.json"):
        (digits_run / "models/a" / name).unlink()
    # Whatever was begun there, nothing of it is left to keep.
    again = coernas("train", "digits-1", "--pick", "knee", "--name", "a", "--epochs", "2", "--quiet", *THREAD)
    assert again.exit_code == 0, again.output


def test_no_run() -> None:
    assert "no runs in results/runs" in refused("train")
    assert "no run here" in refused("train", "nowhere")
    assert "digits is no run; search it first, with: coernas search digits, or" in refused("train", "digits")


def test_noise_has_nothing_to_train_on() -> None:
    assert "'noise' has no images to train on" in refused("train", "--model", "plain-cnn", "noise")


def test_a_full_disk_leaves_the_checkpoint_before(digits_run: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    try:
        options = ("--out", place, "--set", "train.ema=0.5", *THREAD)
        good("train", *options, "--quiet")
        model = place / "models" / "knee"
        (model / "metrics.json").unlink()
        before = (model / "last.pt").read_bytes()
        with suppress(OSError), (place / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * 1024)
        line = refused("train", *options)
        assert "No space left on device" in line
        assert "go on by giving the same command again" in line
        assert (model / "last.pt").read_bytes() == before
        (place / "filler").unlink()
        good("train", *options, "--quiet")
    finally:
        subprocess.run(["umount", str(place)], check=True)
