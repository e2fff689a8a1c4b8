from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from coernas_moo.cli import output
from commands import coernas
from PIL import Image
from rich.console import Console

from coernas_moo.benchmarks.export_check import settled_model
from coernas_moo.export import Model, export_model
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

pytestmark = pytest.mark.usefixtures("in_empty_folder")
CLASSES = ("crack [deep]", "ok", "scratch")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = SeparableSpace(Shape(1, 8, 8), 3, SeparableSettings(stages=1, max_depth=1, base_width=4))
    settled = settled_model(space, "conv3:max", seed=0)
    described = msgspec.structs.replace(settled.description, classes=CLASSES)
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_model(Model(settled.plan, settled.module, described), path)
    export_model(
        Model(settled.plan, settled.module, msgspec.structs.replace(described, trained=False)),
        path.with_name("untrained.onnx"),
    )
    return path


@pytest.fixture
def photos(in_empty_folder: None) -> Path:
    rng = np.random.default_rng(0)
    folder = Path("photos")
    (folder / "inner").mkdir(parents=True)
    for name in ("a.png", "b[1].png", "inner/c.png"):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / name)
    return folder


def probabilities(exported: Path, *images: Path) -> list[list[float]]:
    document = json.loads(coernas("predict", exported, *images, "--json").stdout)
    return [image["probabilities"] for image in document["images"]]


def test_a_folder_is_classified_in_a_table(exported: Path, photos: Path) -> None:
    result = coernas("predict", exported, photos)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    for name, values in zip(("a.png", "b[1].png", "inner/c.png"), probabilities(exported, photos), strict=True):
        (line,) = [line for line in lines if str(photos / name) in line]
        assert CLASSES[int(np.argmax(values))] in line
        assert f"{100 * max(values):.1f} %" in line
    assert lines[-1].startswith("3 images: ")


def test_a_narrow_terminal_shows_names_within_their_folder(
    exported: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=90, color_system=None, highlight=False)
    monkeypatch.setattr(output, "_console", lambda: console)
    deep = Path("a folder [with] a name that is rather long", "and another one").absolute()
    deep.parent.mkdir()
    photos.rename(deep)
    assert coernas("predict", exported, deep).exit_code == 0
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert "a folder [with] a name that is rather long" in " ".join(word for line in lines for word in line)
    assert [line[0] for line in lines if line and line[0].endswith(".png")] == ["a.png", "b[1].png", "inner/c.png"]


def test_json_and_csv_hold_every_probability(exported: Path, photos: Path) -> None:
    document = json.loads(coernas("predict", exported, photos, "--json", "--top", "2").stdout)
    assert document["classes"] == list(CLASSES)
    assert [Path(image["image"]) for image in document["images"]] == [
        photos / "a.png",
        photos / "b[1].png",
        photos / "inner/c.png",
    ]
    for image in document["images"]:
        assert sum(image["probabilities"]) == pytest.approx(1, abs=1e-6)
        assert [each["probability"] for each in image["top"]] == sorted(image["probabilities"], reverse=True)[:2]
        assert image["class"] == image["top"][0]["class"]
    rows = list(csv.DictReader(io.StringIO(coernas("predict", exported, photos, "--csv").stdout)))
    assert [row["image"] for row in rows] == [image["image"] for image in document["images"]]
    for row, image in zip(rows, document["images"], strict=True):
        assert [float(row[f"p_{name}"]) for name in CLASSES] == image["probabilities"]
        assert row["class"] == image["class"]


def test_one_class_is_named_where_one_is_asked_for(exported: Path, photos: Path) -> None:
    result = coernas("predict", exported, photos / "a.png", "--top", "1")
    assert "then" not in result.stdout
    assert "images:" not in result.stdout
    assert sum(name in result.stdout for name in CLASSES) == 1


def test_a_broken_image_among_good_ones_is_named(exported: Path, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"\x89PNG no more")
    result = coernas("predict", exported, photos)
    assert result.exit_code == 0
    assert (
        "warning: photos/broken.png cannot be read (not an image, whatever its name says); it is left out"
        in result.stderr
    )
    assert "3 images: " in result.stdout
    document = json.loads(coernas("predict", exported, photos, "--json").stdout)
    assert document["unreadable"] == [{"image": "photos/broken.png", "reason": "not an image, whatever its name says"}]


def test_a_network_that_was_not_trained_is_called_so(exported: Path, photos: Path) -> None:
    result = coernas("predict", exported.with_name("untrained.onnx"), photos)
    assert result.exit_code == 0
    assert "this network was exported untrained; what it says is random" in result.stderr


def broken(count: int) -> None:
    Path("broken").mkdir()
    for number in range(count):
        Path("broken", f"{number}.png").write_bytes(b"")


@pytest.mark.parametrize(
    ("prepare", "arguments", "line"),
    [
        (lambda: Path("empty").mkdir(), ["empty"], "there are no images in empty"),
        (lambda: None, ["nothing.png"], "there is no file or folder nothing.png"),
        (lambda: broken(1), ["broken"], "broken/0.png cannot be read (empty file)"),
        (lambda: broken(3), ["broken"], "not one of 3 images can be read: broken/0.png cannot be read (empty file)"),
    ],
)
def test_no_images_are_one_line(exported: Path, prepare: object, arguments: list[str], line: str) -> None:
    prepare()  # type: ignore[operator]
    result = coernas("predict", exported, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"coernas: {line}")
    assert result.stderr.count("\n") == 1


def test_a_model_that_is_none_is_one_line(exported: Path, photos: Path) -> None:
    Path("model.onnx").write_text("no model", encoding="utf-8")
    result = coernas("predict", "model.onnx", photos)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "coernas: model.onnx: not an ONNX model; give an ONNX file that 'coernas export' wrote\n"


def test_json_and_csv_exclude_each_other(exported: Path, photos: Path) -> None:
    result = coernas("predict", exported, photos, "--json", "--csv")
    assert result.exit_code == 2
    assert "--json and --csv cannot be given together" in result.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_one_line(exported: Path, photos: Path) -> None:
    photos.chmod(0)
    try:
        result = coernas("predict", exported, photos)
    finally:
        photos.chmod(0o755)
    assert result.exit_code == 2
    assert "cannot be listed" in result.stderr
