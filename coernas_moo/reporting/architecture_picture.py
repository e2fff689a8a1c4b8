"""One network as a picture: its blocks from image to classes, with shapes, parameters and MACs, and its cell."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.architecture_rows import Row, rows
from coernas_moo.reporting.architecture_text import cell_of
from coernas_moo.reporting.cell_picture import draw_cell
from coernas_moo.reporting.figure import BLUE, FAINT, INK, ORANGE, RULE, SKY, new_figure, style
from coernas_moo.reporting.genotype_text import wrap
from coernas_moo.reporting.marks import marks
from coernas_moo.search.run import Member, Run

_ROW, _GAP, _STAGE_GAP = 0.29, 0.13, 0.2
_WIDTH, _CELL_HEIGHT = 7.6, 2.5
_LEFT, _BOX, _SHAPE, _PARAMS, _MACS = 0.3, 1.15, 4.55, 5.7, 6.4
"""Inches from the left edge: stage names, boxes, right ends of shapes, of parameter counts, of MACs."""
_BAR = 0.75
_BOX_WIDTH = 2.55
_COLOURS = {"head": ("#f0f1f3", FAINT), "pool": ("#fdf1da", ORANGE), "unit": ("#e3f0f8", BLUE)}


def architecture_figure(run: Run, member: Member) -> Figure:
    """The picture of one member of the front."""
    plan = run.plan(member)
    blocks = rows(plan)
    cell = cell_of(plan)
    text = wrap(member.text, 92)
    top = 0.95 + 0.17 * len(text)
    height = top + 0.34 + sum(_ROW + gap for gap in _gaps(blocks)) + 0.6 + (_CELL_HEIGHT + 0.3 if cell else 0)
    with style():
        figure = new_figure(_WIDTH, height)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        _draw_title(axes, run, member, text)
        bottom = _draw_blocks(axes, plan, blocks, top)
        if cell is not None:
            axes.text(_LEFT, bottom + 0.5, "the cell", fontsize=9.5, color=FAINT, va="center")
            box = (0.14, 0.1 / height, 0.78, _CELL_HEIGHT / height)
            draw_cell(figure.add_axes(box), cell)
    return figure


def _draw_title(axes: Axes, run: Run, member: Member, text: list[str]) -> None:
    picked = marks(run).get(member.number)
    name = f"{run.problem.name}, network {member.number}" + (f": {picked}" if picked else "")
    axes.text(_LEFT, 0.3, name, fontsize=13, fontweight="bold", va="center")
    values = [(name, value) for name, value in {**member.objectives, **member.costs}.items()]
    numbers = "    ".join(f"{fmt.label(name)} {fmt.value(name, value)}" for name, value in values)
    axes.text(_LEFT, 0.57, numbers, fontsize=9.5, va="center")
    for line, part in enumerate(text):
        axes.text(_LEFT, 0.8 + 0.17 * line, part, fontsize=8, color=FAINT, va="center", family="monospace")


def _draw_blocks(axes: Axes, plan: NetworkPlan, blocks: list[Row], top: float) -> float:
    """Draw the rows below `top`; where they end."""
    most = max([row.macs for row in blocks] + [1])
    axes.text(_SHAPE, top, "output", fontsize=8.5, color=FAINT, ha="right", va="center")
    axes.text(_PARAMS, top, "params", fontsize=8.5, color=FAINT, ha="right", va="center")
    axes.text(_MACS, top, "MACs", fontsize=8.5, color=FAINT, ha="right", va="center")
    y = top + 0.34
    axes.text(_BOX + _BOX_WIDTH / 2, y - 0.07, "image", fontsize=9, ha="center", va="center")
    axes.text(_SHAPE, y - 0.07, str(plan.input_shape), fontsize=9, ha="right", va="center")
    first_of_stage = y
    for index, (row, gap) in enumerate(zip(blocks, _gaps(blocks), strict=True)):
        y += gap
        if not index or row.stage != blocks[index - 1].stage:
            first_of_stage = y
        _draw_row(axes, row, y, most)
        axes.annotate(
            "",
            (_BOX + _BOX_WIDTH / 2, y),
            (_BOX + _BOX_WIDTH / 2, y - gap),
            arrowprops={
                "arrowstyle": "-|>,head_length=0.28,head_width=0.14",
                "color": FAINT,
                "linewidth": 0.9,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        y += _ROW
        last = index + 1 == len(blocks) or blocks[index + 1].stage != row.stage
        if last and row.stage:
            _draw_stage(axes, row.stage, first_of_stage, y)
    axes.plot([_BOX, _MACS + 0.1 + _BAR], [y + 0.14, y + 0.14], color=RULE, linewidth=0.8)
    axes.text(_BOX + 0.1, y + 0.3, "total", fontsize=9.5, fontweight="bold", va="center")
    axes.text(_PARAMS, y + 0.3, fmt.count(plan.params()), fontsize=9.5, fontweight="bold", ha="right", va="center")
    axes.text(_MACS, y + 0.3, fmt.count(plan.macs()), fontsize=9.5, fontweight="bold", ha="right", va="center")
    return y + 0.3


def _draw_row(axes: Axes, row: Row, y: float, most: int) -> None:
    face, edge = _COLOURS[row.kind]
    middle = y + _ROW / 2
    axes.add_patch(
        FancyBboxPatch(
            (_BOX, y), _BOX_WIDTH, _ROW, boxstyle="round,pad=0,rounding_size=0.06", facecolor=face, edgecolor=edge, lw=1
        )
    )
    axes.text(
        _BOX + _BOX_WIDTH / 2, middle, row.text, fontsize=9 if len(row.text) < 36 else 8, ha="center", va="center"
    )
    axes.text(_SHAPE, middle, str(row.shape), fontsize=9, ha="right", va="center", color=INK)
    if row.params:
        axes.text(_PARAMS, middle, fmt.count(row.params), fontsize=9, ha="right", va="center")
    if row.macs:
        axes.text(_MACS, middle, fmt.count(row.macs), fontsize=9, ha="right", va="center")
        axes.add_patch(
            Rectangle((_MACS + 0.1, middle - 0.07), _BAR * row.macs / most, 0.14, facecolor=SKY, edgecolor="none")
        )


def _draw_stage(axes: Axes, stage: str, top: float, bottom: float) -> None:
    axes.plot([_BOX - 0.12] * 2, [top, bottom], color=RULE, linewidth=2.5, solid_capstyle="butt")
    axes.text(_LEFT, (top + bottom) / 2, stage, fontsize=9, color=FAINT, va="center")


def _gaps(blocks: list[Row]) -> Iterator[float]:
    """Space above each row."""
    for index, row in enumerate(blocks):
        change = index > 0 and row.stage != blocks[index - 1].stage
        yield _STAGE_GAP if change or not index else _GAP
