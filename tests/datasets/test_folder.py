"""Class folders: layout, splits, sizes, channels, damage, one clear line for what cannot be used."""

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from coernas_moo.datasets import Dataset, FolderSettings
from coernas_moo.errors import DataError
from coernas_moo.testing.datasets import DatasetConformance


def write(path: Path, seed: int = 0, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> Path:
    """A random image of `size` (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def write_classes(folder: Path, counts: dict[str, int], **options: Any) -> Path:
    for k, (name, count) in enumerate(counts.items()):
        for i in range(count):
            write(folder / name / f"{i}.png", seed=100 * k + i, **options)
    return folder


def read(folder: Path, **options: Any) -> Dataset:
    return FolderSettings(path=str(folder), **options).open(Path("/"))


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-30])
    return path


class TestFolder(DatasetConformance):
    def settings(self, folder: Path) -> FolderSettings:
        write_classes(folder / "images", {"good": 20, "bad": 15})
        return FolderSettings(path="images")


class TestFolderWithSplitsAndDamage(DatasetConformance):
    def settings(self, folder: Path) -> FolderSettings:
        for split, count in (("train", 20), ("Valid", 3), ("test", 4)):
            write_classes(folder / split, {"good": count, "bad": 2})
            cut(folder / split / "good" / "1.png")
        return FolderSettings(path=".", size=8, channels=1)


def test_info_of_plain_class_folders(tmp_path: Path) -> None:
    data = read(write_classes(tmp_path, {"b": 2, "a": 3}))
    assert data.info.shape == (3, 12, 10)
    assert data.info.classes == ("a", "b")
    assert data.info.counts == {"train": (3, 2)}
    assert data.info.images == 5
    assert data.info.warnings == ()
    assert data.names("train") == ("a/0.png", "a/1.png", "a/2.png", "b/0.png", "b/1.png")
    assert data.labels("train").tolist() == [0, 0, 0, 1, 1]


def test_a_class_of_one_image_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    said = read(write_classes(tmp_path, {"a": 3, "b": 1})).info.warnings
    assert [line.split(" only")[0] for line in said] == ["class 'b' has one image"]
    said = read(write_classes(tmp_path, {"a": 3, "c": 1})).info.warnings
    assert [line.split(" only")[0] for line in said] == ["classes 'b', 'c' have one image"]
    said = read(write_classes(tmp_path, {"a": 3, "d": 1, "e": 1})).info.warnings
    assert [line.split(" only")[0] for line in said] == ["classes 'b', 'c', 'd' and 1 more have one image"]


def test_one_image_is_enough_where_others_test(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / split, {"a": 3, "b": 1})
    assert read(tmp_path).info.warnings == ()


def test_splits_are_found_under_their_usual_names(tmp_path: Path) -> None:
    write_classes(tmp_path / "Training", {"a": 2, "b": 2})
    write_classes(tmp_path / "validation", {"a": 1, "c": 1})
    write_classes(tmp_path / "test", {"b": 1})
    (tmp_path / "test" / "a").mkdir()
    write_classes(tmp_path / "extra", {"z": 1})
    info = read(tmp_path).info
    assert info.counts == {"train": (2, 2, 0), "val": (1, 0, 1), "test": (0, 1, 0)}
    assert info.splits == ("train", "val", "test")
    first, second = info.warnings
    assert "'c' has no images to train on" in first
    assert "extra" in second


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    info = read(write_classes(tmp_path, {"train": 2, "bus": 2})).info
    assert info.classes == ("bus", "train")
    assert info.splits == ("train",)


def test_classes_that_are_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    data = read(write_classes(tmp_path, {"10": 1, "9": 1, "0": 1}))
    assert data.info.classes == ("0", "9", "10")


def test_what_is_not_an_image_is_ignored(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 2, "b": 2})
    for name in ("Thumbs.db", "notes.txt", ".DS_Store", "._0.png"):
        (tmp_path / "a" / name).write_bytes(b"no image")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    info = read(tmp_path).info
    assert info.counts == {"train": (2, 2)}
    assert info.warnings == ()


def test_a_link_to_where_a_class_lies_brings_in_no_other_class(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (8, 8), 40 * number).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "set" / "a" / "up").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "a" / "top").symlink_to(tmp_path)
    info = FolderSettings(path=str(tmp_path / "set")).open(Path("/")).info
    assert info.counts == {"train": (2, 2)}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/set\xfc"))
    for name in (b"a", b"\xff"):
        (folder / os.fsdecode(name)).mkdir(parents=True)
        Image.new("L", (8, 8)).save(folder / os.fsdecode(name) / "0.png")
    with pytest.raises(DataError, match=r"set.* is not in UTF-8; rename it"):
        FolderSettings(path=str(folder)).open(Path("/"))
    renamed = folder.rename(tmp_path / "set")
    with pytest.raises(DataError, match=r"set/.* is not in UTF-8; rename it"):
        FolderSettings(path=str(renamed)).open(Path("/"))


def test_unicode_names_links_and_cycles(tmp_path: Path) -> None:
    write_classes(tmp_path / "real", {"größe ✓": 2})
    folder = tmp_path / "set"
    write_classes(folder, {"日本": 1})
    (folder / "größe ✓").symlink_to(tmp_path / "real" / "größe ✓")
    (folder / "日本" / "loop").symlink_to(folder / "日本")
    (folder / "日本" / "again.png").symlink_to(tmp_path / "real" / "größe ✓" / "0.png")
    data = read(folder)
    assert data.info.counts == {"train": (2, 2)}
    assert len(data.load("train").images) == 4


def test_images_deeper_in_a_class_belong_to_it(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a/session1": 1, "a/session2": 2, "b": 1})
    assert read(tmp_path).info.counts == {"train": (3, 1)}


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_channels_follow_the_images(tmp_path: Path, mode: str, channels: int) -> None:
    assert read(write_classes(tmp_path, {"a": 2, "b": 2}, mode=mode)).info.shape.channels == channels


def test_one_colour_image_makes_the_data_set_colour(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 2, "b": 2}, mode="L")
    write(tmp_path / "b" / "colour.png")
    data = read(tmp_path)
    assert data.info.shape.channels == 3
    assert read(tmp_path, channels=1).info.shape.channels == 1
    grey = data.load("train", [0]).images
    assert torch.equal(grey[:, 0], grey[:, 1])


def test_sizes_that_differ_become_one_and_are_told(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 3}, size=(20, 30))
    write_classes(tmp_path, {"b": 2}, size=(40, 50))
    info = read(tmp_path).info
    assert info.shape == (3, 24, 32)
    assert info.warnings == ("images of 20x30 to 40x50 pixels are resized to 24x32; set data.size to choose",)
    assert read(tmp_path, size=(9, 7)).info.shape == (3, 9, 7)
    assert read(tmp_path, size=(9, 7)).info.warnings == ()


def test_a_truncated_image_among_good_ones_is_named_and_left_out(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 80, "b": 80})
    broken = cut(tmp_path / "a" / "33.png")
    data = read(tmp_path)
    unverified = data.batch(160, seed=1)
    assert [item.path for item in read(tmp_path).verify()] == [broken]
    data.verify()
    (warning,) = data.info.warnings
    assert warning.startswith("1 image cannot be read and is left out")
    assert "33.png" in warning
    assert data.info.counts == {"train": (80, 80)}
    assert len(data.labels("train")) == 160
    assert len(data.readable("train")) == 159
    assert data.load("train").labels.tolist() == [0] * 79 + [1] * 80
    assert torch.equal(data.batch(160, seed=1), unverified)


def test_what_is_not_an_image_despite_its_name_is_named_on_opening(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "page.jpg").write_text("<html>")
    assert "page.jpg (not an image" in read(tmp_path).info.warnings[0]


def test_few_images_are_repeated_in_a_batch(tmp_path: Path) -> None:
    data = read(write_classes(tmp_path, {"a": 1, "b": 2}))
    batch = data.batch(7, seed=0)
    assert torch.equal(batch[:3], batch[3:6])
    assert len({tuple(image.flatten().tolist()) for image in batch}) == 3


def test_only_headers_are_read_on_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path, {"a": 5, "b": 5})
    decoded: list[object] = []
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: decoded.append(self))
    monkeypatch.setattr("coernas_moo.datasets.image_files.INSPECTED", 4)
    opened: list[object] = []
    original = Image.open

    def counted(file: Any) -> Image.Image:
        opened.append(file)
        return original(file)

    monkeypatch.setattr(Image, "open", counted)
    assert read(tmp_path).info.shape == (3, 12, 10)
    assert not decoded
    assert len(opened) == 4


def test_an_open_data_set_can_be_sent_to_another_process(tmp_path: Path) -> None:
    data = read(write_classes(tmp_path, {"a": 2, "b": 2}))
    assert torch.equal(pickle.loads(pickle.dumps(data)).batch(4, 0), data.batch(4, 0))


def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    write_classes(tmp_path / "one", {"a": 2})
    write_classes(tmp_path / "empty class", {"a": 2, "b": 2})
    (tmp_path / "empty class" / "c").mkdir()
    (tmp_path / "empty").mkdir()
    write(tmp_path / "flat" / "a.png")
    write_classes(tmp_path / "parent" / "inner", {"a": 1, "b": 1})
    write_classes(tmp_path / "untrained" / "test", {"a": 1, "b": 1})
    write_classes(tmp_path / "twice" / "train", {"a": 1, "b": 1})
    write_classes(tmp_path / "twice" / "val", {"a": 1, "b": 1})
    write_classes(tmp_path / "twice" / "valid", {"a": 1, "b": 1})
    for name in ("a", "b"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "x.png").write_bytes(b"junk")
    wanted = {
        "nowhere": "there is no file or folder",
        "one": r"one class only \('a'\)",
        "empty class": "class folder .*c holds no images",
        "empty": "there are no images in",
        "flat": "lie in no class folders",
        "parent": "Did you mean .*inner",
        "untrained": "no folder 'train'",
        "twice": "both the split 'val'",
        "broken": "no image of .* can be read, for instance .*x.png",
        "flat/a.png": "not a folder",
    }
    for name, message in wanted.items():
        with pytest.raises(DataError, match=message) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_path_that_is_still_to_be_given(tmp_path: Path) -> None:
    settings = FolderSettings(size=8)
    assert settings.needs_path
    with pytest.raises(DataError, match="give --data FOLDER"):
        settings.open(tmp_path)
    given = settings.with_path(write_classes(tmp_path, {"a": 1, "b": 1}))
    assert not given.needs_path
    assert given.open(Path("/")).info.shape == (3, 8, 8)


def test_with_path_is_relative_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path / "images", {"a": 1, "b": 1})
    monkeypatch.chdir(tmp_path)
    assert FolderSettings().with_path("images").open(Path("/elsewhere")).info.images == 2


def test_images_that_break_after_opening_end_in_one_line(tmp_path: Path) -> None:
    data = read(write_classes(tmp_path, {"a": 1, "b": 1}))
    for path in tmp_path.glob("*/*.png"):
        cut(path)
    with pytest.raises(DataError, match="no image of split 'train'"):
        data.batch(4, seed=0)
    with pytest.raises(DataError, match="no image of split 'train'"):
        data.load("train")
    with pytest.raises(IndexError):
        data.load("train", [7])


def test_names_are_in_one_unicode_form(tmp_path: Path) -> None:
    decomposed = "gu\u0308t"
    write_classes(tmp_path, {decomposed: 3, "b": 3})
    data = read(tmp_path)
    assert {name.split("/")[0] for name in data.names("train")} == {"g\u00fct", "b"}
    assert len(data.load("train").labels) == 6
