"""Closed-form costs of many networks at once are those of each alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coernas_moo.config import parse_problem
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.networks.units import Unit
from coernas_moo.objectives import register_objective
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.search.feasibility import require_feasible
from coernas_moo.testing.algorithms import CELLS, DEEP

SPACES = {"cells": CELLS, "deep": DEEP, "widths": DEEP.replace("[search]", "width_multipliers = [0.5, 1.0]\n[search]")}


@register_objective("test-costs-blocks", direction="max", description="number of blocks")
def blocks(plan: NetworkPlan) -> float:
    return len(plan.blocks)


@pytest.fixture
def costs_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ClosedFormCosts]:
    """Makes the costs of a problem; latencies of operators are drawn anew for each folder."""
    rng = np.random.default_rng(0)
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "coernas_moo.objectives.latency_table.operator_latencies",
        lambda operators, batch, threads: rng.lognormal(size=len(operators)).tolist(),
    )

    def make(text: str, *objectives: str, limits: tuple[str, ...] = (), **settings: object) -> ClosedFormCosts:
        problem = parse_problem(
            text, "costs", tmp_path, {"objectives": list(objectives), "limits": list(limits), **settings}
        )
        return ClosedFormCosts(problem, problem.space_settings.build(Shape(3, 16, 16), 10), tmp_path / "snapshot.json")

    return make


def canonical(costs: ClosedFormCosts, n: int = 30) -> NDArray[np.int64]:
    return costs.space.canonical_rows(costs.space.sample(n, np.random.default_rng(1)))


@pytest.mark.parametrize("text", SPACES.values(), ids=SPACES)
def test_many_at_once_cost_what_each_costs_alone(text: str, costs_of: Callable[..., ClosedFormCosts]) -> None:
    costs = costs_of(text, "score", "latency_ms", "params", "macs")
    rows, names = canonical(costs), ["macs", "score", "latency_ms", "params", "macs"]
    # The first time, operators are measured.
    for _ in range(2):
        values = costs.values(rows, names)
        expected = [[row.get(name, np.nan) for name in names] for row in costs.of(list(rows))]
        assert np.array_equal(values, expected, equal_nan=True)
    assert np.isnan(values[:, 1]).all()
    assert costs.values(rows[:0], names).shape == (0, 5)
    assert costs.values(rows, ["score"]).shape == (30, 1)


@pytest.mark.parametrize("text", SPACES.values(), ids=SPACES)
def test_known_operators_are_added_up_without_planning_every_network(
    text: str, costs_of: Callable[..., ClosedFormCosts], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = costs_of(text, "score", "latency_ms", "params")
    rows = canonical(costs)
    expected = costs.values(rows, ["latency_ms", "params"])
    monkeypatch.setattr(ClosedFormCosts, "of", None)
    monkeypatch.setattr(LatencyTable, "estimate", None)
    assert np.array_equal(costs.values(rows, ["latency_ms", "params"]), expected)


def test_an_objective_that_is_no_sum_is_asked_of_every_plan(costs_of: Callable[..., ClosedFormCosts]) -> None:
    costs = costs_of(DEEP, "score", "test-costs-blocks", "params")
    rows = canonical(costs)
    values = costs.values(rows, ["test-costs-blocks", "params"])
    assert values.tolist() == [[len(costs.space.plan(row).blocks), costs.space.params(row)] for row in rows]


def test_violations_are_those_of_each_alone(costs_of: Callable[..., ClosedFormCosts]) -> None:
    limits = ("params <= 200e3", "macs >= 1e6", "params >= 1e5", "score >= 0.5")
    costs = costs_of(DEEP, "score", "params", limits=limits)
    rows = canonical(costs)
    expected = [costs.violation(each) for each in costs.of(list(rows))]
    assert costs.violations(rows).tolist() == pytest.approx(expected, rel=1e-12)
    assert 0 < np.count_nonzero(expected) < len(expected)


@pytest.mark.parametrize("text", SPACES.values(), ids=SPACES)
def test_the_operators_of_a_space_are_measured_all_at_once(text: str, costs_of: Callable[..., ClosedFormCosts]) -> None:
    costs = costs_of(text, "latency_ms")
    measured: list[int] = []
    costs.before_measuring = lambda: measured.append(1)
    for row in canonical(costs, 100):
        costs.of([row])
    assert measured == [1]


def test_a_unit_of_the_space_that_breaks_spoils_no_other_network(
    costs_of: Callable[..., ClosedFormCosts], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(space: object) -> list[object]:
        raise RuntimeError("a unit of the user's")

    monkeypatch.setattr("coernas_moo.evaluation.costs.space_operators", broken)
    costs = costs_of(DEEP, "latency_ms")
    assert all(row["latency_ms"] > 0 for row in costs.of(list(canonical(costs))))


def test_nothing_is_measured_to_judge_limits_on_other_costs(costs_of: Callable[..., ClosedFormCosts]) -> None:
    measured: list[int] = []
    for limits in (("params <= 1e6",), ("latency_ms <= 1e9",)):
        costs = costs_of(DEEP, "score", "latency_ms", limits=limits)
        costs.before_measuring = lambda: measured.append(1)
        require_feasible(costs, np.random.default_rng(0))
        assert len(measured) == (limits[0].startswith("latency"))


def test_without_limits_nothing_is_violated(costs_of: Callable[..., ClosedFormCosts]) -> None:
    costs = costs_of(DEEP, "score", "params")
    assert costs.violations(canonical(costs, 3)).tolist() == [0.0, 0.0, 0.0]


def test_what_is_not_a_number_breaks_every_limit(
    costs_of: Callable[..., ClosedFormCosts], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = costs_of(DEEP, "score", "params", limits=("params <= 1",))
    monkeypatch.setattr(ClosedFormCosts, "values", lambda *_: np.array([[np.nan], [0.5], [3.0]]))
    assert costs.violations(canonical(costs, 3)).tolist() == [np.inf, 0.0, 2.0]


def test_a_unit_that_breaks_is_reported_with_its_network(
    costs_of: Callable[..., ClosedFormCosts], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(stage: int, position: int, unit: Unit, in_channels: int, out_channels: int) -> Block:
        raise KeyError("no such layer")

    costs = costs_of(DEEP, "score", "params")
    rows = canonical(costs)
    monkeypatch.setattr("coernas_moo.spaces.separable_layout._unit_block", breaks)
    first = re.escape(costs.space.to_text(rows[0]))
    with pytest.raises(CoernasError, match=f"the network {first} cannot be planned: KeyError: 'no such layer'"):
        costs.values(rows, ["params"])
