"""Tables with an image folder: layouts, labels, rows and files that do not match."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coernas_moo.datasets import CsvSettings, Dataset
from coernas_moo.datasets.csv_table import guess_columns
from coernas_moo.errors import DataError
from coernas_moo.testing.datasets import DatasetConformance


def write_table(
    folder: Path, text: str, images: tuple[str, ...], name: str = "train.csv", sub: str = "train_images"
) -> Path:
    for seed, image in enumerate(images):
        path = folder / sub / image
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    table = folder / name
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(text, encoding="utf-8")
    return table


def read(path: Path, **options: Any) -> Dataset:
    return CsvSettings(path=str(path), **options).open(Path("/"))


class TestCsv(DatasetConformance):
    def settings(self, folder: Path) -> CsvSettings:
        rows = "".join(f"p{i},{i % 3}\n" for i in range(40))
        write_table(folder, "id_code,diagnosis\n" + rows, tuple(f"p{i}.png" for i in range(40)))
        return CsvSettings(path="train.csv")


APTOS = "id_code,diagnosis\nc,10\na,9\nb,0\n"
IMAGES = ("a.png", "b.jpeg", "c.JPG")


def test_the_aptos_layout_by_table_or_folder(tmp_path: Path) -> None:
    table = write_table(tmp_path, APTOS, IMAGES)
    (tmp_path / "test.csv").write_text("id_code\nx\n")
    for path in (table, tmp_path):
        data = read(path)
        assert data.info.classes == ("0", "9", "10")
        assert data.info.counts == {"train": (1, 1, 1)}
        assert data.names("train") == ("a", "b", "c")
        assert data.labels("train").tolist() == [1, 0, 2]
        assert data.info.shape == (3, 9, 8)
        assert [line.split(":")[0] for line in data.info.warnings] == ["classes '0', '9', '10' have one image only"]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("name;kind\na.png;good\nb.jpeg;bad\n", ("bad", "good")),
        ("\ufeffname\tkind\r\na\t1.0\r\nb\t0.0\r\n", ("0", "1")),
        ('kind,name,note\n"x, y",a,""\n z ,b,"two\nlines"\n', ("x, y", "z")),
    ],
)
def test_other_dialects_and_columns(tmp_path: Path, text: str, classes: tuple[str, ...]) -> None:
    table = write_table(tmp_path, text, IMAGES, name="labels.csv", sub="photos")
    data = read(table, images="photos", id_column="name", label_column="kind")
    assert data.info.classes == classes
    assert data.info.images == 2


@pytest.mark.parametrize("sub", ["labels_images", "images", "."])
def test_the_image_folder_is_found(tmp_path: Path, sub: str) -> None:
    table = write_table(tmp_path, APTOS, IMAGES, name="labels.csv", sub=sub)
    assert read(table).info.images == 3


def test_names_with_dots_folders_and_other_unicode_forms(tmp_path: Path) -> None:
    images = ("v1.2.png", "left/a.png", "u\u0308.png")
    table = write_table(tmp_path, "id_code,diagnosis\nv1.2,0\nleft/a.png,1\n\u00fc,1\n", images)
    assert read(table).info.counts == {"train": (1, 2)}


@pytest.mark.parametrize("missing", ["NaN", "nan", " ", "-nan"])
def test_a_number_that_is_none_is_no_label(tmp_path: Path, missing: str) -> None:
    data = read(write_table(tmp_path, f"id_code,diagnosis\na,1.0\nb,{missing}\nc,0\n", IMAGES))
    assert data.info.classes == ("0", "1")
    assert data.names("train") == ("a", "c")
    assert any("1 of 3 rows" in line and "have no diagnosis, the first 'b'" in line for line in data.info.warnings)


def test_nan_among_names_is_a_name(tmp_path: Path) -> None:
    data = read(write_table(tmp_path, "id_code,diagnosis\na,naan\nb,nan\nc,nan\n", IMAGES))
    assert data.info.classes == ("naan", "nan")


def test_rows_that_do_not_fit_are_named_and_left_out(tmp_path: Path) -> None:
    text = APTOS + "gone,0\na,9\nb,\n\nlost,9\n"
    info = read(write_table(tmp_path, text, IMAGES)).info
    assert info.counts == {"train": (1, 1, 1)}
    missing, unlabelled, repeated, _ = info.warnings
    assert missing.startswith("2 of 7 rows")
    assert "'gone'" in missing
    assert "no diagnosis" in unlabelled
    assert "'a'" in repeated


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\na,1\n", "no column 'id_code'; it has id, label"),
        ("id_code,label\na,1\n", "no column 'diagnosis'"),
        ("id_code,diagnosis\n", "has no rows"),
        ("", "has no rows"),
        ("id_code,diagnosis\na,1\nb\n", "row 2 of .* has 1 fields"),
        ("id_code,diagnosis\na,1\nb,1\n", "one class only"),
        ("id_code,diagnosis\na,1\na,2\n", "gives 'a' the classes '1' and '2'"),
        ("id_code,diagnosis\nx,1\ny,2\n", "not one row .* asks for 'x'"),
        ('id_code,diagnosis\n"a,1\n', "no CSV table"),
    ],
)
def test_a_table_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    table = write_table(tmp_path, text, IMAGES)
    with pytest.raises(DataError, match=message) as caught:
        read(table)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    table = write_table(tmp_path / "a", APTOS, IMAGES)
    with pytest.raises(DataError, match=r"there is no folder .*photos; set data\.images"):
        read(table, images="photos")
    with pytest.raises(DataError, match="there is no file or folder"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="no CSV table in UTF-8"):
        read(tmp_path / "a" / "train_images" / "a.png")
    bare = write_table(tmp_path / "bare", APTOS, ())
    with pytest.raises(DataError, match="there are no images in"):
        read(bare)
    with pytest.raises(DataError, match=r"there is no \.csv file"):
        read(tmp_path / "a" / "train_images")
    for name in ("x.csv", "y.csv"):
        write_table(tmp_path / "two", APTOS, (), name=name)
    with pytest.raises(DataError, match=r"several tables \(x\.csv, y\.csv\)"):
        read(tmp_path / "two")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (APTOS, ("id_code", "diagnosis")),
        ("age,file,Label\n30,a.png,x\n31,b,y\n", ("file", "Label")),
        ("kind,file\nx,a\ny,b\n", ("file", "kind")),
    ],
)
def test_columns_are_guessed(tmp_path: Path, text: str, columns: tuple[str, str]) -> None:
    settings = guess_columns(write_table(tmp_path, text, IMAGES))
    assert (settings.id_column, settings.label_column) == columns
    assert len(settings.open(Path("/")).info.classes) >= 2


@pytest.mark.parametrize("text", ["who,what\nx,1\ny,2\n", "file,mood,taste\na,1,2\nb,1,2\n"])
def test_columns_that_cannot_be_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"set .*data\.id_column and data\.label_column"):
        guess_columns(write_table(tmp_path, text, IMAGES))


def test_a_number_is_one_class_however_it_is_written_and_as_long_as_it_is(tmp_path: Path) -> None:
    names = ("a.png", "b.png", "c.png", "d.png")

    def classes(*labels: str) -> tuple[str, ...]:
        rows = "".join(f"{name},{label}\n" for name, label in zip(names, labels, strict=True))
        return read(write_table(tmp_path, f"id_code,diagnosis\n{rows}", names)).info.classes

    assert classes("1", "1.0", "0.5", "0.50") == ("0.5", "1")
    long = [str(10**25 + more) for more in range(3)]
    assert classes(*long, long[0]) == tuple(long)
    assert classes("2e1", "-0.0", "0", "20") == ("0", "20")
    assert classes("1e999999999", "1", "1", "1") == ("1", "1E+999999999")


def test_with_and_without_suffix_a_name_is_one_image(tmp_path: Path) -> None:
    table = write_table(tmp_path, "id_code,diagnosis\na,1\na.png,1\nb,0\n", ("a.png", "b.png"))
    data = read(table)
    assert len(data.load("train").labels) == 2
    assert any("name an image a second time" in notice for notice in data.info.notices)
    table.write_text("id_code,diagnosis\na,1\na.png,0\nb,0\n")
    with pytest.raises(DataError, match="gives 'a' the classes '1' and '0'"):
        read(table)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = write_table(tmp_path, "id_code,diagnosis,diagnosis\na,1,0\nb,0,1\n", ("a.png", "b.png"))
    with pytest.raises(DataError, match="has two columns 'diagnosis'; rename or remove one"):
        read(table)
