from __future__ import annotations

import io
import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from numpy.typing import NDArray
from PIL import Image

from coernas_moo.errors import RunError
from coernas_moo.networks.cell import OPERATIONS, Cell
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.architecture_picture import architecture_figure
from coernas_moo.reporting.architecture_rows import rows
from coernas_moo.reporting.cell_picture import draw_cell
from coernas_moo.reporting.figure import as_bytes, new_figure, save
from coernas_moo.reporting.front_plot import front_figure
from coernas_moo.search.run import Run


def pixels(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def texts(figure: Figure) -> list[str]:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return found + [text.get_text() for text in figure.texts]


def annotations(axes: Axes) -> dict[str, Annotation]:
    return {text.get_text(): text for text in axes.texts if isinstance(text, Annotation) and text.get_text()}


def test_a_png_decodes_and_is_not_blank(front_run: Run) -> None:
    image = pixels(as_bytes(front_figure(front_run), "png"))
    assert min(image.shape[:2]) > 400
    ink = (image < 250).any(axis=2)
    assert 0.01 < ink.mean() < 0.5
    assert not ink[[0, -1]].any()
    assert not ink[:, [0, -1]].any()


def test_an_svg_is_xml_and_the_same_every_time(front_run: Run) -> None:
    content = as_bytes(front_figure(front_run), "svg")
    assert ET.fromstring(content).tag.endswith("svg")
    assert content == as_bytes(front_figure(front_run), "svg")


def test_one_panel_a_cost_with_all_members_and_the_front(front_run: Run) -> None:
    figure = front_figure(front_run)
    assert [axes.get_xlabel().split(" ")[0].rstrip(",") for axes in figure.axes] == ["latency", "parameters"]
    for axes, name in zip(figure.axes, ("latency_ms", "params"), strict=True):
        everything, front = (np.asarray(points.get_offsets()) for points in axes.collections[:2])
        assert len(everything) == len(front_run.archive.ranked())
        expected = [(member.objectives[name], member.objectives["score"]) for member in front_run.front]
        np.testing.assert_array_equal(front, expected)


def test_units_stand_once_beside_an_axis(run_with: Callable[..., Run]) -> None:
    for axes in front_figure(run_with(objectives=["score", "latency_ms"])).axes:
        assert axes.get_xlabel() == "latency, ms  (lower is better)"
    assert fmt.axis_title("energy:edgegpu") == "energy on edgegpu, mJ"


def test_the_step_line_is_the_front_of_its_panel(front_run: Run) -> None:
    for axes, name in zip(front_figure(front_run).axes, ("latency_ms", "params"), strict=True):
        x, y = np.asarray(axes.lines[0].get_data(), dtype=float)
        assert (np.diff(x) > 0).all()
        assert (np.diff(y) > 0).all()
        for member in front_run.front:
            cost, score = member.objectives[name], member.objectives["score"]
            assert score <= y[x <= cost].max()


@pytest.mark.parametrize(
    "objectives", [["score", "params"], ["score", "latency_ms", "params", "macs"], ["params", "score"]]
)
def test_labels_name_every_pick_and_do_not_overlap(run_with: Callable[..., Run], objectives: list[str]) -> None:
    figure = front_figure(run_with(networks=60, objectives=objectives))
    figure.draw_without_rendering()
    for axes in figure.axes:
        labels = annotations(axes)
        assert sorted(", ".join(labels).split(", ")) == ["best", "fastest", "knee", "smallest"]
        frame = axes.get_window_extent()
        # The extent of the words alone, without the line to the point.
        boxes = [Text.get_window_extent(label) for label in labels.values()]
        for box in boxes:
            assert frame.x0 <= box.x0
            assert box.x1 <= frame.x1
            assert frame.y0 <= box.y0
            assert box.y1 <= frame.y1
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_one_objective_is_drawn_in_order(run_with: Callable[..., Run]) -> None:
    run = run_with(objectives=["score"], networks=30)
    (axes,) = front_figure(run).axes
    points = np.asarray(axes.collections[1].get_offsets())
    assert len(points) == len(run.archive.ranked())
    assert (np.diff(points[:, 1]) <= 0).all()
    assert list(annotations(axes)) == ["best"]


def test_a_wide_range_is_logarithmic(run_with: Callable[..., Run]) -> None:
    run = run_with(networks=60, objectives=["score", "params"], space__width_multipliers=[0.25, 1, 4])
    assert front_figure(run).axes[0].get_xscale() == "log"


def test_an_empty_front_is_refused(run_with: Callable[..., Run]) -> None:
    with pytest.raises(RunError, match="front is empty"):
        front_figure(run_with(limits=["params <= 1"]))


def test_drawing_leaves_the_users_settings_alone(front_run: Run, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    save(front_figure(front_run), tmp_path / "front.png")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ["front_run", "cell_run"])
def test_the_architecture_has_every_block_and_the_totals(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    member = run.pick("best")
    plan = run.plan(member)
    figure = architecture_figure(run, member)
    found = texts(figure)
    for row in rows(plan):
        assert row.text in found
        assert str(row.shape) in found
    assert sum(row.times for row in rows(plan)) == len(plan.blocks)
    assert sum(row.params for row in rows(plan)) == plan.params()
    assert sum(row.macs for row in rows(plan)) == plan.macs()
    assert found.count(fmt.count(plan.params())) >= 1
    assert "".join(text for text in found if text in member.text and len(text) > 8) == member.text
    image = pixels(as_bytes(figure, "png"))
    assert 0.01 < (image < 250).any(axis=2).mean() < 0.5


def test_equal_cells_are_drawn_once_and_counted(cell_run: Run) -> None:
    found = [row.text for row in rows(cell_run.plan(cell_run.pick("best")))]
    assert found.count("2 × cell") == 3


def test_a_cell_has_an_arrow_for_each_operation() -> None:
    figure = new_figure(6, 3)
    axes = figure.add_subplot()
    draw_cell(axes, Cell(2, (OPERATIONS[3], "none", OPERATIONS[2], "skip_connect", OPERATIONS[4], "none")))
    assert sorted(text.get_text() for text in axes.texts) == sorted(
        ["in", "1", "2", "out", "conv 3x3", "conv 1x1", "skip", "avg pool 3x3"]
    )
    assert len(axes.patches) == 4 + 4


def test_a_very_deep_network_is_drawn(run_with: Callable[..., Run]) -> None:
    run = run_with(networks=2, space__stages=4, space__max_depth=60)
    run.front.sort(key=lambda member: -run.plan(member).macs())
    image = pixels(as_bytes(architecture_figure(run, run.front[0]), "png"))
    assert image.shape[0] > 1000


def test_dollars_in_a_description_are_not_mathematics(run_with: Callable[..., Run]) -> None:
    figure = front_figure(run_with(description=r"a $\frac{ description _ $"))
    assert pixels(as_bytes(figure, "png")).std() > 0


def test_a_long_description_is_folded_under_the_title(run_with: Callable[..., Run]) -> None:
    about = (
        "training-free score against parameters, MACs, latency and energy on the device beside the camera of line five"
    )
    run = run_with(description=about, objectives=["score", "params"])
    shown = [text.get_text() for text in front_figure(run).texts]
    start = next(i for i, text in enumerate(shown) if text.startswith("training-free"))
    assert " ".join(shown[start : start + 2]) == about
