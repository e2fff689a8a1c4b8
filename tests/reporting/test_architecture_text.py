from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from coernas_moo.networks.cell import EDGES, OPERATIONS, Cell
from coernas_moo.networks.plan import Network
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.architecture_text import blocks_table, cell_lines, cell_of, member_view, python_lines
from coernas_moo.search.run import Run


def screen(run: Run, which: str, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(member_view(run, which))
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("which", ["best", "knee", "fastest", "smallest", "2"])
def test_every_block_with_its_shape_and_costs(front_run: Run, which: str, width: int) -> None:
    plan = front_run.plan(front_run.pick(which))
    lines = screen(front_run, which, width).splitlines()
    for cost in plan.costs():
        line = next(line for line in lines if line.startswith(f"{cost.name} "))
        assert str(cost.out_shape) in line
        assert not cost.params or fmt.count(cost.params) in line
        assert not cost.macs or fmt.count(cost.macs) in line
    total = next(line for line in lines if line.startswith("total "))
    assert fmt.count(plan.params()) in total
    assert fmt.count(plan.macs()) in total


def test_totals_are_the_sums_of_the_rows(front_run: Run) -> None:
    plan = front_run.plan(front_run.pick("best"))
    table = blocks_table(plan)
    assert table.columns[3].footer == fmt.count(sum(cost.params for cost in plan.costs()))
    assert table.columns[4].footer == fmt.count(sum(cost.macs for cost in plan.costs()))
    assert table.row_count == len(plan.blocks) + 1


def test_the_python_lines_build_the_network(front_run: Run) -> None:
    lines = python_lines(front_run, "knee")
    assert all(line in screen(front_run, "knee", 80) for line in (lines[0], lines[2]))
    names: dict[str, object] = {}
    exec("\n".join(lines), names)  # the lines are for pasting, so they are run
    network = names["network"]
    assert isinstance(network, Network)
    assert sum(p.numel() for p in network.parameters()) == front_run.pick("knee").costs["params"]


def test_a_cell_is_shown_as_sums(cell_run: Run, front_run: Run) -> None:
    assert "output = " in screen(cell_run, "best")
    assert "the cell" not in screen(front_run, "best")
    assert cell_of(front_run.plan(front_run.pick("best"))) is None


@pytest.mark.parametrize("edges", list(itertools.islice(itertools.product(OPERATIONS, repeat=6), 0, 15625, 997)))
def test_sums_name_every_edge_once(edges: tuple[str, ...]) -> None:
    lines = cell_lines(Cell(2, edges))
    names = {0: "input", 1: "node 1", 2: "node 2", 3: "output"}
    for (source, target), operation in zip(EDGES, edges, strict=True):
        line = next(line for line in lines if line.startswith(f"{names[target]} = "))
        assert (f"{operation}({names[source]})" in line) == (operation != "none")
