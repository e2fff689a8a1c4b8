"""Tables on terminals of any width."""

from __future__ import annotations

from io import StringIO

import pytest
from coernas_moo.cli import output
from rich.console import Console


def printed(monkeypatch: pytest.MonkeyPatch, width: int, *, blocks: bool) -> str:
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=width, no_color=True, highlight=False)
    monkeypatch.setattr(output, "_console", lambda: console)
    table = output.table_of("model", "params", "accuracy", right=("params", "accuracy"), title="on the test part")
    table.add_row("knee-seed1", "52.2 k", "98.16 %")
    table.add_row("best", "95.7 k", "98.65 %")
    output.print_table(table, blocks=blocks)
    return stream.getvalue()


def test_a_table_that_fits_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 80, blocks=True).splitlines()
    assert any("model" in line and "accuracy" in line for line in lines)


def test_where_it_does_not_fit_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, 24, blocks=True)
    lines = [line.split() for line in text.splitlines()]
    assert "…" not in text
    assert "on the test part" in text
    assert [line[1:] for line in lines if line[:1] == ["accuracy"]] == [["98.16", "%"], ["98.65", "%"]]
    assert ["model", "knee-seed1"] in lines
