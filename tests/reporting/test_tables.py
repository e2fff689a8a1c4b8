from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType

from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.marks import marks, picks
from coernas_moo.reporting.tables import Front, failures, front_view, header, member_facts, proxies_table
from coernas_moo.search.run import PICKS, Member, Run


def text_of(view: RenderableType, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(view, crop=False)
    return file.getvalue()


def test_picks_are_what_the_run_picks(front_run: Run) -> None:
    assert picks(front_run) == {name: front_run.pick(name).number for name in PICKS}
    named = [name for names in marks(front_run).values() for name in names.split(", ")]
    assert sorted(named) == sorted(PICKS)


def test_a_front_of_one_has_only_a_best(run_with: Callable[..., Run]) -> None:
    assert picks(run_with(objectives=["params"])) == {"best": 1}


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_front_has_every_network_in_order_and_unbroken(front_run: Run, width: int) -> None:
    lines = text_of(Front(front_run), width).splitlines()
    longest = max(len(member.text) for member in front_run.front)
    with_genotypes = "genotype" in lines[0]
    # Between the two it depends on how long the front's genotypes are.
    assert width == 100 or with_genotypes == (width == 160)
    assert max(map(len, lines)) <= max(width, longest + 4)
    numbered = [line.rstrip() for line in lines if line[:2].strip().isdecimal()]
    n = len(front_run.front)
    assert len(numbered) == (n if with_genotypes else 2 * n) > 5
    for line, member in zip(numbered[:n], front_run.front, strict=True):
        for name, value in member.objectives.items():
            assert fmt.value(name, value) in line
    for line, member in zip(numbered[-n:], front_run.front, strict=True):
        assert line.split()[0] == str(member.number)
        assert line.split()[-1] == member.text


def test_genotypes_that_are_wider_than_the_screen_are_left_whole(cell_run: Run) -> None:
    for width in (40, 80):
        lines = text_of(Front(cell_run), width).splitlines()
        for member in cell_run.front:
            assert any(line.endswith(f" {member.text}") for line in lines)
    member = cell_run.front[0]
    assert member.text in text_of(member_facts(cell_run, member), 40).splitlines()


def test_the_header_says_what_was_searched(front_run: Run) -> None:
    text = text_of(header(front_run))
    for fact in ("made-up: nothing was searched", "3x16x16, 5 classes", "2 min 05 s"):
        assert fact in text
    assert "score ↑, latency_ms ↓, params ↓" in text
    assert f"{front_run.archive.evaluations} networks" in text


def test_failures_are_counted_by_reason(front_run: Run, cell_run: Run) -> None:
    table = failures(front_run)
    assert table is not None
    text = text_of(table)
    assert "2 networks could not be evaluated" in text
    assert "2   ran out of memory" in text
    assert failures(cell_run) is None


def test_an_empty_front_says_what_to_do(run_with: Callable[..., Run]) -> None:
    text = text_of(front_view(run_with(limits=["params <= 1"])))
    assert "The front is empty" in text
    assert "params <= 1" in text


def test_one_network_with_all_its_dimensions(front_run: Run) -> None:
    member = front_run.pick("knee")
    text = text_of(member_facts(front_run, member)) + text_of(proxies_table(front_run, member))
    assert member.text in text
    assert f"MACs {fmt.count(member.costs['macs'])}" in text
    assert set(member.proxies) == set(front_run.problem.score.proxies)
    for name, value in member.proxies.items():
        assert any(name in line and f"{value:#.4g}" in line for line in text.splitlines())


def test_a_proxy_above_all_others_beats_nearly_all(front_run: Run) -> None:
    scored = [record for record in front_run.archive if record.scored]
    best = max(scored, key=lambda record: record.proxies["isotropy"])
    member = Member(1, best.text, {}, best.costs, best.proxies)
    line = next(row for row in text_of(proxies_table(front_run, member)).splitlines() if "isotropy" in row)
    assert f"{100 * (len(scored) - 1) / len(scored):.0f} %" in line


def test_brackets_in_a_description_are_shown(run_with: Callable[..., Run]) -> None:
    assert "seen [red]by[/] all [/b]" in text_of(header(run_with(description="seen [red]by[/] all [/b]")))
