"""One network in a terminal: its blocks with shapes and costs, its cell, how to build it."""

from __future__ import annotations

import json

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from coernas_moo.networks.cell import EDGES, NODES, NONE, Cell
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.tables import bar, member_facts, proxies_table
from coernas_moo.search.run import Run

BAR_WIDTH = 6


def stage_of(block: str) -> str:
    """What blocks of one stage have in common: the part of the name before the dot.

    Example:
        >>> stage_of("stage2.unit1"), stage_of("stem")
        ('stage2', 'stem')
    """
    return block.partition(".")[0]


def blocks_table(plan: NetworkPlan) -> Table:
    """One row a block, a rule between stages, totals at the end; the share is of the MACs."""
    costs = list(plan.costs())
    params, macs = plan.params(), plan.macs()
    most = max((cost.macs for cost in costs), default=0)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=True)
    table.add_column("block", "total", no_wrap=True)
    table.add_column("what it is")
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("params", fmt.count(params), justify="right", no_wrap=True)
    table.add_column("MACs", fmt.count(macs), justify="right", no_wrap=True)
    table.add_column("of MACs", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=BAR_WIDTH, style="cyan")
    table.add_row("input", "image", str(plan.input_shape), "", "", "", "", style="dim")
    last = "input"
    for cost in costs:
        if stage_of(cost.name) != stage_of(last) and "." in cost.name + last:
            table.add_section()
        last = cost.name
        table.add_row(
            cost.name,
            cost.label,
            str(cost.out_shape),
            fmt.count(cost.params) if cost.params else "",
            fmt.count(cost.macs) if cost.macs else "",
            fmt.share(cost.macs, macs) if cost.macs else "",
            bar(cost.macs, most, BAR_WIDTH),
            style="" if cost.params else "dim",
        )
    return table


def cell_of(plan: NetworkPlan) -> Cell | None:
    """The cell that the network repeats, of the first stage; None where it repeats none."""
    return next((block.layer for block in plan.blocks if isinstance(block.layer, Cell)), None)


def cell_lines(cell: Cell) -> list[str]:
    """Each node as the sum of its edges.

    Example:
        >>> cell_lines(Cell(4, ("nor_conv_3x3", "none", "none", "skip_connect", "nor_conv_1x1", "none")))
        ['node 1 = nor_conv_3x3(input)', 'node 2 = 0', 'output = skip_connect(input) + nor_conv_1x1(node 1)']
    """
    names = ["input", *(f"node {node}" for node in range(1, NODES - 1)), "output"]
    lines = []
    for node in range(1, NODES):
        terms = [
            f"{operation}({names[source]})"
            for (source, target), operation in zip(EDGES, cell.edges, strict=True)
            if target == node and operation != NONE
        ]
        lines.append(f"{names[node]} = {' + '.join(terms) or '0'}")
    return lines


def python_lines(run: Run, which: str) -> list[str]:
    """Python that builds a pick of the front, ready to be trained."""
    return [
        "import coernas_moo",
        f"run = coernas_moo.Run({json.dumps(str(run.directory.path), ensure_ascii=False)})",
        f'network = run.network("{which}")',
    ]


def member_view(run: Run, which: str) -> Group:
    """The whole answer to `coernas show RUN --pick WHICH`, the picture's path excepted; print it with `crop=False`.

    Raises:
        RunError: there is no such pick.
    """
    member = run.pick(which)
    plan = run.plan(member)
    parts: list[RenderableType] = [
        member_facts(run, member),
        "",
        proxies_table(run, member),
        "",
        blocks_table(plan),
        "",
    ]
    cell = cell_of(plan)
    if cell is not None:
        parts += [Text("the cell", style="dim"), *(Text(f"  {line}") for line in cell_lines(cell)), ""]
    parts.append(Text("in Python", style="dim"))
    parts += [Text(f"  {line}", no_wrap=True, overflow="ignore") for line in python_lines(run, which)]
    return Group(*parts)
