"""What a path alone is taken to be; the real data sets of the project."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coernas_moo.datasets import CsvSettings, FolderSettings, guess
from coernas_moo.errors import DataError

DATA = os.environ.get("COERNAS_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="COERNAS_DATA does not name the folder with the real data sets")


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(path)


def test_class_folders(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "1.png")
    write_image(tmp_path / "b" / "2.png")
    assert guess(tmp_path) == FolderSettings(path=str(tmp_path))
    (tmp_path / "stray.csv").write_text("x,y,z\n1,2,3\n")
    assert guess(tmp_path) == FolderSettings(path=str(tmp_path))
    assert guess(tmp_path).open(Path("/")).info.shape == (1, 8, 8)


def test_tables(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "p.png")
    write_image(tmp_path / "images" / "q.png")
    table = tmp_path / "labels.csv"
    table.write_text("file,label\np,no\nq,yes\n")
    want = CsvSettings(path=str(table), id_column="file", label_column="label")
    assert guess(tmp_path) == guess(table) == want
    table.write_text("x,y,z\n1,2,3\n")
    told = r"names images in .* \(x: '1', y: '2', z: '3', but there is 'p.png'"
    with pytest.raises(DataError, match=told):
        guess(tmp_path)
    table.write_text("x,y,z\np,2,3\n")
    with pytest.raises(DataError, match="cannot tell the columns"):
        guess(tmp_path)
    for first in ("q.png,yes", "q,1"):
        table.write_text(f"{first}\np.png,no\n")
        with pytest.raises(DataError, match="has no header line, its first line names the image 'q"):
            guess(tmp_path)
    for name in ("./p.png", str(tmp_path / "images" / "p.png")):
        table.write_text(f"file,label\n{name},no\nq.png,yes\n")
        assert guess(tmp_path) == want
        assert want.open(Path("/")).info.counts == {"train": (1, 1)}


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    assert guess(Path("set")).path == str(tmp_path / "set")


def test_what_is_neither(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    with pytest.raises(DataError, match="neither a folder nor"):
        guess(tmp_path / "a.png")
    with pytest.raises(DataError, match="there is no file or folder"):
        guess(tmp_path / "nowhere")


@needs_data
@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("x_sdd", (3, 128, 128), {"train": (203, 122, 63, 203, 388, 238, 134)}),
        ("aptos_format", (3, 224, 224), {"train": (412, 33, 80, 16, 11)}),
        ("cifar10_mini", (3, 32, 32), {"train": (300,) * 10, "test": (100,) * 10}),
    ],
)
def test_real_data_sets(name: str, shape: tuple[int, int, int], counts: dict[str, tuple[int, ...]]) -> None:
    data = guess(Path(DATA) / name).open(Path("/"))
    assert data.info.shape == shape
    assert dict(data.info.counts) == counts
    assert data.verify() == ()
    assert data.batch(4, seed=0).shape == (4, *shape)
    assert len(data.load("train", [0, 5, 9]).labels) == 3
