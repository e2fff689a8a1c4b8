"""What can be a grade, and what is told about a scale."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from coernas_moo.datasets import FolderSettings
from coernas_moo.datasets.grades import check_grades
from coernas_moo.errors import DataError


@pytest.mark.parametrize("classes", [("0", "1", "2"), ("1", "2"), ("a", "b"), ("0_none", "1_mild")])
def test_scales_without_a_word(classes: tuple[str, ...]) -> None:
    assert check_grades(classes, "x") == ()


@pytest.mark.parametrize(
    ("classes", "gap"),
    [
        (("0", "2"), "has 1; kappa counts 0 and 2"),
        (("0", "3"), "has 1 or 2;"),
        (("0", "1", "7", "8"), "has 2 to 6; kappa counts 1 and 7"),
        (("0", "2", "10"), "has 1 or 3 to 9; kappa counts 0 and 2, 2 and 10 as neighbours"),
    ],
)
def test_a_gap_is_told(classes: tuple[str, ...], gap: str) -> None:
    (line,) = check_grades(classes, "x")
    assert gap in line


@pytest.mark.parametrize("odd", ["-1", "1.5", "severe", "inf", "NaN"])
def test_what_is_no_grade(odd: str) -> None:
    with pytest.raises(DataError, match=rf"^x: '{odd}' is no grade; .* data.ordinal = false$"):
        check_grades(("0", "1", odd), "x")


def test_only_where_classes_are_ordinal(tmp_path: Path) -> None:
    for name in ("-1", "0"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / name / "a.png")
    assert FolderSettings(path=str(tmp_path)).open(tmp_path).info.classes == ("-1", "0")
    with pytest.raises(DataError, match="'-1' is no grade"):
        FolderSettings(path=str(tmp_path), ordinal=True).open(tmp_path)
