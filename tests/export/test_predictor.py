"""An ONNX file says the same of image files as the network in torch does of the data set's images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from coernas_moo.benchmarks.export_check import settled_model
from coernas_moo.datasets import FolderSettings, UnreadableImage
from coernas_moo.errors import DataError, ExportError
from coernas_moo.export import Model, Prediction, Predictor, export_model
from coernas_moo.export.predictor import find_images
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

MEAN, STD = (0.3, 0.5, 0.7), (0.2, 0.25, 0.3)


@pytest.fixture(scope="session")
def model() -> Model:
    import msgspec

    space = SeparableSpace(Shape(3, 12, 16), 3, SeparableSettings(stages=2, base_width=4))
    settled = settled_model(space, "conv3:max/sep3:avg", seed=0)
    changes = {"classes": ("crack", "ok", "scratch"), "mean": MEAN, "std": STD}
    return Model(settled.plan, settled.module, msgspec.structs.replace(settled.description, **changes))


@pytest.fixture(scope="session")
def onnx_file(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_model(model, path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A data set in folders: colour and grey, several sizes and formats, turned by EXIF, transparent, deep."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for label in ("crack", "ok", "scratch"):
        (folder / label).mkdir(parents=True)
        pixels = rng.integers(0, 256, (50, 41, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / label / "a.jpg")
        Image.fromarray(pixels[:12, :16]).save(folder / label / "b.PNG")
        Image.fromarray(pixels[:, :, 0]).save(folder / label / "c.bmp")
        Image.fromarray(rng.integers(0, 256, (9, 30, 4), dtype=np.uint8), "RGBA").save(folder / label / "d.png")
        turned = Image.Exif()
        turned[0x0112] = 6
        Image.fromarray(pixels[:30]).save(folder / label / "e.jpg", exif=turned)
        Image.fromarray(rng.integers(0, 65536, (20, 20), dtype=np.uint16)).save(folder / label / "f.png")
    return folder


def test_files_are_read_as_the_data_set_reads_them(model: Model, onnx_file: Path, photos: Path) -> None:
    dataset = FolderSettings(path=str(photos), size=(12, 16), channels=3).open(Path())
    images, _ = dataset.load("train")
    normalised = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        expected = model.module(normalised).softmax(1)
    predictor = Predictor(onnx_file)
    assert predictor.classes == dataset.info.classes == ("crack", "ok", "scratch")
    paths = [photos / name for name in dataset.names("train")]
    for batch in (1, 5, 32):
        answers = list(predictor.predict(paths, batch))
        assert [answer.path for answer in answers] == paths
        found = [answer.probabilities for answer in answers if isinstance(answer, Prediction)]
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    first = predictor.read(paths[0])
    np.testing.assert_allclose(first, normalised[0].numpy(), atol=1e-6)


def test_the_most_probable_classes_come_first() -> None:
    prediction = Prediction(Path("a.png"), (0.1, 0.4, 0.1, 0.4))
    assert prediction.top(3) == [1, 3, 0]
    assert prediction.top(9) == [1, 3, 0, 2]


def test_a_broken_image_is_an_answer_of_its_own(onnx_file: Path, photos: Path) -> None:
    (photos / "ok" / "a.jpg").write_bytes(b"")
    (photos / "ok" / "notes.png").write_text("no image")
    paths = find_images([photos / "ok"])
    answers = list(Predictor(onnx_file).predict(paths, batch=2))
    assert [isinstance(answer, UnreadableImage) for answer in answers] == [
        path.stem in {"a", "notes"} for path in paths
    ]


def test_images_are_found_in_files_and_folders_each_once(photos: Path) -> None:
    (photos / "ok" / ".hidden.png").write_bytes(b"")
    (photos / "notes.txt").write_text("no image")
    everything = find_images([photos])
    assert len(everything) == 18
    single = photos / "ok" / "a.jpg"
    assert find_images([single, photos, single]) == [single, *(path for path in everything if path != single)]
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match=r"there are no images in .*empty; give image files"):
        find_images([single, photos / "empty"])
    with pytest.raises(DataError, match=r"there is no file or folder .*nothing\.png"):
        find_images([photos / "nothing.png"])


def cut(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])


def stripped(path: Path, content: bytes) -> None:
    proto = onnx.load_model_from_string(content)
    del proto.metadata_props[:]
    onnx.save(proto, path)


def renamed(path: Path, content: bytes) -> None:
    proto = onnx.load_model_from_string(content)
    proto.graph.output.pop()
    onnx.save(proto, path)


def newer(path: Path, content: bytes) -> None:
    proto = onnx.load_model_from_string(content)
    proto.opset_import[0].version = 999
    onnx.save(proto, path)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (cut, "not an ONNX model; give an ONNX file that 'coernas export' wrote"),
        (lambda path, content: path.write_bytes(b""), "not an ONNX model"),
        (lambda path, content: path.write_text("import torch\n"), "not an ONNX model"),
        (stripped, "does not say which classes and which images it is for; only files that 'coernas export' wrote"),
        (renamed, "its graph is not what its description says .3x12x16 images, 3 classes.; export it again"),
        (newer, "onnxruntime cannot load it"),
        (lambda path, content: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path, content: None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_run_is_one_line(
    onnx_file: Path, tmp_path: Path, spoil: object, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spoilt.onnx"
    spoil(path, onnx_file.read_bytes())  # type: ignore[operator]
    with pytest.raises(ExportError, match=rf"spoilt\.onnx: {line}") as caught:
        Predictor(path)
    assert "\n" not in str(caught.value)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_without_onnxruntime_the_extra_is_named(onnx_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r"to run ONNX files the package 'onnxruntime' is needed: pip install"):
        Predictor(onnx_file)


def test_torch_is_not_needed(onnx_file: Path, photos: Path) -> None:
    """As on a device without it: importing torch, or what comes with a search, fails."""
    program = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'pymoo', 'sklearn', 'scipy', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from coernas_moo.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "predict", str(onnx_file), str(photos), "--csv"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 19
