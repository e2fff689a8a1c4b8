"""`coernas new`: problem files for folders and tables of images."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from commands import coernas
from PIL import Image

from coernas_moo.config import load_problem

pytestmark = pytest.mark.usefixtures("in_empty_folder")


@pytest.mark.parametrize(("size", "expected", "stages"), [((20, 20), 20, 4), ((640, 320), [32, 64], 4), ((6, 6), 6, 2)])
def test_new_writes_a_problem_that_loads(size: tuple[int, int], expected: object, stages: int) -> None:
    for name in ("good", "bad"):
        Path("photos", name).mkdir(parents=True)
        Image.new("RGB", size, (200, 10, 10)).save(f"photos/{name}/1.png")
    result = coernas("new", "photos")
    assert result.exit_code == 0, result.output
    text = Path("photos.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert table["data"] == {"kind": "folder", "path": "photos", "size": expected, "channels": 3}
    assert table["space"]["stages"] == stages
    problem = load_problem("photos.toml")
    info = problem.data_settings.open(Path()).info
    problem.space_settings.build(info.shape, len(info.classes))
    for line in text.splitlines():
        assert len(line) <= 120


def test_new_finds_a_table() -> None:
    Path("set/images").mkdir(parents=True)
    rows = ["file,label"]
    for number in range(4):
        Image.new("L", (9, 9), 50 * number).save(f"set/images/{number}.png")
        rows.append(f"{number}.png,{'good' if number % 2 else 'bad'}")
    Path("set/table.csv").write_text("\n".join(rows))
    assert coernas("new", "set", "--out", "mine.toml").exit_code == 0
    problem = load_problem("mine.toml")
    assert problem.data["kind"] == "csv"
    assert (problem.data["id_column"], problem.data["label_column"]) == ("file", "label")
    assert problem.data_settings.open(Path()).info.classes == ("bad", "good")


def test_new_takes_a_table_whose_images_are_elsewhere() -> None:
    for number in range(4):
        Path("pictures").mkdir(exist_ok=True)
        Image.new("L", (9, 9), 50 * number).save(f"pictures/{number}.png")
    Path("set").mkdir()
    labels = "".join(f"{number},{'good' if number % 2 else 'bad'}\n" for number in range(4))
    Path("set/table.csv").write_text("id_code,diagnosis\n" + labels)
    refused = coernas("new", "set/table.csv", "--out", "mine.toml")
    assert refused.exit_code == 2
    assert "there are no images in" in refused.stderr
    assert "--images" in refused.stderr
    assert not Path("mine.toml").exists()
    assert coernas("new", "set/table.csv", "--images", "pictures", "--out", "mine.toml").exit_code == 0
    counts = load_problem("mine.toml").data_settings.open(Path()).info.counts
    assert counts == {"train": (2, 2)}
    classes = coernas("new", "pictures", "--images", "pictures")
    assert classes.exit_code == 2
    assert "there is no .csv file in" in classes.stderr
    few = ("--population", "4", "--generations", "1", "--workers", "1", "--set", 'objectives=["score", "params"]')
    searched = coernas("search", "set/table.csv", "--set", 'data.images="../pictures"', *few, "--quiet")
    assert searched.exit_code == 0, searched.output
