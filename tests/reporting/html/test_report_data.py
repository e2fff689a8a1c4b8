"""What the report's plots are drawn from, against what the run says of itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from measures import metrics

from coernas_moo.errors import RunWarning
from coernas_moo.networks.cell import NONE
from coernas_moo.reporting.architecture_rows import rows
from coernas_moo.reporting.html.drawings import drawings
from coernas_moo.reporting.html.numbers import short
from coernas_moo.reporting.html.operations import operations
from coernas_moo.reporting.html.points import points
from coernas_moo.reporting.html.run_entry import run_entry
from coernas_moo.reporting.html.trained import trained_metrics, trained_models, trained_table
from coernas_moo.search.history import read_history
from coernas_moo.search.run import Run
from coernas_moo.training.assess import write_metrics


def test_points_hold_every_scored_network_and_mark_the_front(front_run: Run) -> None:
    found = points(front_run)
    scored = [record for record in front_run.archive if record.scored]
    assert found.genotypes == [record.text for record in scored]
    assert len(scored) == len(front_run.archive) - 2
    assert [found.genotypes[position] for position in found.front] == [member.text for member in front_run.front]
    axes = {axis.name: axis for axis in found.axes}
    assert list(axes)[:3] == ["score", "latency_ms", "params"]
    assert axes["macs"].role == "cost"
    assert (axes["latency_ms"].unit, axes["latency_ms"].direction, axes["score"].direction) == ("ms", "min", "max")
    assert [axis.name for axis in found.axes if axis.role == "proxy"] == list(front_run.problem.score.proxies)
    for position, record in enumerate(scored):
        assert axes["params"].values[position] == record.costs["params"]
        assert axes["isotropy"].values[position] == pytest.approx(record.proxies["isotropy"], rel=1e-5)
        assert axes["score"].values[position] == pytest.approx(front_run.archive.scores[record.text], rel=1e-5)
    assert axes["evaluation"].values == list(range(1, len(scored) + 1))
    assert found.outside == []


def test_titles_of_axes_leave_units_to_the_page(cell_run: Run) -> None:
    titles = {axis.name: axis.title for axis in points(cell_run).axes}
    assert titles["macs"] == "MACs (one image)"
    table = Run(cell_run.directory.path)
    table.archive.add([replace(r, costs=r.costs | {"latency:fpga": 1.0}) for r in table.archive])
    found = {axis.name: axis for axis in points(table).axes}["latency:fpga"]
    assert (found.title, found.unit) == ("latency on fpga", "ms")


def test_networks_that_break_a_limit_are_told_apart(run_with: Callable[..., Run]) -> None:
    run = run_with(limits=["params <= 20000"])
    found = points(run)
    params = next(axis for axis in found.axes if axis.name == "params").values
    assert found.outside == [position for position, value in enumerate(params) if value is not None and value > 20000]
    assert found.outside


@pytest.mark.parametrize("name", ["front_run", "cell_run"])
def test_drawings_are_those_of_the_plans(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    found = drawings(run, run.front)
    assert len(set(map(repr, found.rows))) == len(found.rows)
    assert found.input == str(run.space.input_shape)
    for drawing, member in zip(found.networks, run.front, strict=True):
        plan = run.plan(member)
        drawn = [found.rows[index] for index in drawing.rows]
        assert [(row.stage, row.text, row.output) for row in drawn] == [
            (row.stage, row.text, str(row.shape)) for row in rows(plan)
        ]
        assert (drawing.params, drawing.macs) == (plan.params(), plan.macs())
        assert sum(row.params for row in drawn) == plan.params()
        assert sum(row.macs for row in drawn) == plan.macs()


def test_cells_are_drawn_by_their_edges(cell_run: Run) -> None:
    found = drawings(cell_run, cell_run.front)
    for drawing, member in zip(found.networks, cell_run.front, strict=True):
        edges = [part for part in member.text.replace("+", "|").split("|") if part and not part.startswith(NONE)]
        assert sorted(f"{edge.operation}~{edge.source}" for edge in drawing.cell) == sorted(edges)


def test_operations_count_what_the_texts_say(front_run: Run) -> None:
    conv, pool, depth, width = operations(front_run)

    def named(texts: list[str], part: str) -> Counter[str]:
        stages = [stage.split(":") for text in texts for stage in text.split("/")]
        return Counter(
            name
            for units, pool, width in stages
            for name in {"conv": units.split(","), "pool": [pool], "width": [width]}[part]
        )

    front = [member.text for member in front_run.front]
    everything = [record.text for record in front_run.archive if record.scored]
    for segment, name in ((conv, "conv"), (pool, "pool"), (width, "width")):
        for table, texts in ((segment.front, front), (segment.archive, everything)):
            counted = {option: sum(gene[i] for gene in table) for i, option in enumerate(segment.options)}
            assert {option: n for option, n in counted.items() if n} == named(texts, name)
    assert sum(map(sum, depth.front)) == 2 * len(front)
    assert conv.genes == ["conv1.1", "conv1.2", "conv1.3", "conv2.1", "conv2.2", "conv2.3"]


def test_an_entry_says_what_the_run_was(finished_run: Run) -> None:
    entry = run_entry(finished_run, "entry-1")
    assert dict(entry.facts)["status"] == "finished, 3 generations done"
    assert dict(entry.tiles)["networks evaluated"] == f"{finished_run.archive.evaluations}"
    assert entry.data.history["generation"] == [1, 2, 3]
    assert entry.problem == finished_run.directory.problem.read_text()
    assert entry.versions["torch"] == finished_run.state.versions["torch"]
    assert [row.genotype for row in entry.rows] == [member.text for member in finished_run.front]
    path = finished_run.directory.path
    assert entry.command == f"coernas search {path}/problem.toml --out {path}-again"


def test_the_hypervolume_does_not_fall(finished_run: Run) -> None:
    curve = run_entry(finished_run, "entry-1").data.history["hypervolume"]
    assert curve == sorted(curve, key=float)  # type: ignore[arg-type]
    assert 0 < curve[0] < curve[-1]  # type: ignore[operator]
    said = read_history(finished_run.directory.history)[-1]["hypervolume"]
    assert curve[-1] == pytest.approx(said, rel=1e-5)


def test_a_run_that_was_cut_short_is_repeated_as_far_as_it_came(run_with: Callable[..., Run]) -> None:
    run = run_with()
    run.state = replace(run.state, status="interrupted", reason="interrupted from the keyboard")
    entry = run_entry(run, "e")
    assert entry.command.endswith(f"--evaluations {run.archive.evaluations}")
    assert "ended by time or from outside" in entry.caveat


def test_measures_of_trained_networks_are_those_of_the_test_part(tmp_path: Path) -> None:
    for name, found in {"knee": metrics(name="knee"), "best": metrics(name="best", kappa=0.5)}.items():
        (tmp_path / "models" / name).mkdir(parents=True)
        write_metrics(found, tmp_path / "models" / name)
    read = trained_metrics(tmp_path)
    assert [found.name for found in read] == ["best", "knee"]
    head, rows = trained_table(read)
    assert head[:8] == ["model", "params", "MACs", "latency", "accuracy", "95 %", "F1", "macro F1"]
    assert rows[0][:8] == ["best", "1.00 k", "5.00 k", "0.50 ms", "75.00 %", "50.0–100.0", "75.00 %", "75.00 %"]
    assert [row[head.index("kappa")] for row in rows] == ["0.500", "–"]
    best = trained_models(read)[0]
    assert (best.network, best.said) == ("conv3:max", "accuracy 75.0 %, macro F1 75.0 % on 4 test images")


@pytest.mark.parametrize("content", ["{", "[1]", '"text"', '{"accuracy": 0.5}'])
def test_metrics_that_cannot_be_read_are_left_out_with_a_warning(content: str, tmp_path: Path) -> None:
    (tmp_path / "models" / "knee").mkdir(parents=True)
    (tmp_path / "models" / "knee" / "metrics.json").write_text(content)
    with pytest.warns(RunWarning, match=r"left out.*metrics\.json"):
        assert trained_metrics(tmp_path) == []


def test_numbers_are_short_and_known() -> None:
    assert [short(x) for x in (1e30, 2.0, 1 / 3, math.inf, math.nan)] == [1e30, 2, 0.333333, None, None]
