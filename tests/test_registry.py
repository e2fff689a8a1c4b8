from __future__ import annotations

from typing import Any

import pytest

from coernas_moo import registry as module
from coernas_moo.errors import CoernasError
from coernas_moo.registry import Registry


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
