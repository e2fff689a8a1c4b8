"""Tables on terminals of any width."""

from __future__ import annotations

from io import StringIO

import pytest
from coernas_moo.cli import output
from rich.console import Console

ROWS = [("regularized-evolution", "52.2 k", "98.16 %"), ("best", "95.7 k", "98.65 %")]


def printed(monkeypatch: pytest.MonkeyPatch, width: int) -> list[list[str]]:
    """The words of every line."""
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None, highlight=False)
    monkeypatch.setattr(output, "_console", lambda: console)
    table = output.table_of("model", "params", "accuracy", right=("params", "accuracy"), title="on the test part")
    for row in ROWS:
        table.add_row(*row)
    output.print_table(table)
    assert "…" not in stream.getvalue()
    return [line.split() for line in stream.getvalue().splitlines()]


def test_a_table_that_fits_is_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 80)
    assert ["model", "params", "accuracy"] in lines
    assert ["best", "95.7", "k", "98.65", "%"] in lines


def test_where_it_does_not_fit_columns_follow_below_and_no_cell_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 34)
    assert lines.count(["on", "the", "test", "part"]) == 1
    assert lines.index(["model", "params"]) < lines.index(["model", "accuracy"])
    assert ["regularized-evolution", "52.2", "k"] in lines
    assert ["regularized-evolution", "98.16", "%"] in lines


@pytest.mark.parametrize(("terminal", "lines"), [(True, 3), (False, 1)])
def test_a_paragraph_is_broken_between_words(monkeypatch: pytest.MonkeyPatch, terminal: bool, lines: int) -> None:
    console = Console(file=StringIO(), force_terminal=terminal, width=30)
    monkeypatch.setattr(output, "_console", lambda: console)
    said: list[str] = []
    monkeypatch.setattr(output.click, "echo", said.append)
    text = "hypervolume normalised by ideal and nadir of the true front, by enumeration"
    output.print_text(text)
    assert " ".join(said[0].split("\n")) == text
    assert len(said[0].split("\n")) == lines


@pytest.mark.parametrize("name", ["[red]rust", "[/b]", "a :smile: b"])
def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], name: str) -> None:
    table = output.table_of("class", title=name)
    table.add_row(name)
    output.print_table(table)
    assert capsys.readouterr().out.count(name) == 2
