from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from coernas_moo.reporting.genotype_text import GenotypeText, wrap

NASBENCH = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|"


@given(st.text("ab|+/,:", max_size=60), st.integers(1, 30))
def test_nothing_is_lost_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join(lines) == text
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [20, 30, 40, 60])
def test_names_stay_whole(width: int) -> None:
    for text in (NASBENCH, "conv3,sep5:max/mb6k5,bottleneck3:avg/dil3:blur"):
        assert all(line[-1] in "|+/," for line in wrap(text, width)[:-1])


def test_a_table_column_gives_it_the_room_there_is() -> None:
    table = Table(show_header=False, show_edge=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("x" * 40, GenotypeText(NASBENCH))
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    lines = [line[41:].strip() for line in file.getvalue().splitlines()]
    assert "".join(lines) == NASBENCH
    assert 1 < len(lines) <= 5
