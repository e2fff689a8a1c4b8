from __future__ import annotations

import sys
from typing import Any

import pytest

from coernas_moo import registry as module
from coernas_moo.errors import CoernasError, ExtensionWarning
from coernas_moo.registry import Registry, registering


def test_entries_are_found_in_order_by_name_and_pattern() -> None:
    colours: Registry[int] = Registry("colour")
    colours.add("red", 1)
    colours.register("rose")(2)
    colours.add("blue", 3)
    assert colours["rose"] == 2
    assert list(colours) == colours.names() == ["red", "rose", "blue"]
    assert colours.names("r*") == ["red", "rose"]
    assert "blue" in colours
    assert "green" not in colours
    assert len(colours) == 3


def test_a_taken_name_is_refused() -> None:
    colours: Registry[int] = Registry("colour")
    colours.add("red", 1)
    with pytest.raises(CoernasError, match="a colour named 'red' is registered already; choose another name"):
        colours.register("red")(2)
    assert colours["red"] == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [("objective", "an objective"), ("algorithm", "an algorithm"), ("unit", "a unit"), ("pool", "a p")],
)
def test_the_article_fits(kind: str, words: str) -> None:
    registry: Registry[int] = Registry(kind)
    registry.add("red", 1)
    with pytest.raises(CoernasError, match=f"^{words}"):
        registry.add("red", 2)


def test_an_unknown_name_lists_what_there_is() -> None:
    colours: Registry[int] = Registry("colour")
    colours.add("red", 1)
    with pytest.raises(CoernasError, match="no colour named 'rde'; did you mean 'red'"):
        colours["rde"]
    with pytest.raises(CoernasError, match=r"no colour named 'green'\. Known: red"):
        colours["green"]


@pytest.mark.parametrize(
    "use", [lambda r: r["red"], lambda r: "red" in r, lambda r: list(r), len, lambda r: r.names("r*")]
)
def test_entry_points_of_other_packages_are_loaded_once_on_first_use(monkeypatch: pytest.MonkeyPatch, use: Any) -> None:
    loaded: list[str] = []
    colours: Registry[int] = Registry("colour", "other.colours")

    class Point:
        def load(self) -> None:
            loaded.append("red")
            colours.add("red", 1)

    def points(group: str) -> list[Point]:
        assert group == "other.colours"
        return [Point()]

    monkeypatch.setattr(module, "entry_points", points)
    assert not loaded
    assert use(colours)
    assert use(colours)
    assert loaded == ["red"]


class BrokenPoint:
    """An entry point that registers something, prints, and fails."""

    name, group, dist = "broken", "other.colours", None

    def __init__(self, colours: Registry[int], error: BaseException) -> None:
        self.colours, self.error = colours, error

    def load(self) -> None:
        sys.stdout.write("broken\n")
        self.colours.add("half", 1)
        raise self.error


class GoodPoint(BrokenPoint):
    name = "good"

    def load(self) -> None:
        self.colours.add("red", 1)


@pytest.mark.parametrize(
    "error", [ImportError("no such thing"), ValueError("no such thing"), SystemExit("no such thing")]
)
def test_a_broken_entry_point_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    colours: Registry[int] = Registry("colour", "other.colours")
    points = [BrokenPoint(colours, error), GoodPoint(colours, error)]
    monkeypatch.setattr(module, "entry_points", lambda group: points)
    reason = (
        f"other.colours: the entry point 'broken' cannot be loaded and is left out: {type(error).__name__}: no such"
    )
    with pytest.warns(ExtensionWarning, match=reason):
        assert list(colours) == ["red"]
    assert colours.names() == ["red"]
    assert capsys.readouterr() == ("", "broken\n")


def test_registrations_are_undone_in_all_registries_where_one_fails() -> None:
    colours: Registry[int] = Registry("colour")
    shapes: Registry[int] = Registry("shape")
    colours.add("red", 1)

    def half() -> None:
        with registering():
            colours.add("blue", 2)
            shapes.add("square", 3)
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert (list(colours), list(shapes)) == (["red"], [])
    with registering():
        shapes.add("square", 4)
    assert shapes["square"] == 4


def test_entry_points_first_used_by_code_that_fails_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    colours: Registry[int] = Registry("colour", "other.colours")
    monkeypatch.setattr(module, "entry_points", lambda group: [GoodPoint(colours, KeyError())])

    def fails() -> None:
        with registering():
            assert "red" in colours
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert list(colours) == ["red"]
