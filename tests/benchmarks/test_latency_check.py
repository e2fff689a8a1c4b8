from __future__ import annotations

import numpy as np
import pytest

from coernas_moo.benchmarks.latency_check import LatencyCheck, check_latency
from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Shape
from coernas_moo.objectives import operator_latency
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.spaces.nasbench201 import NASBench201Settings
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

# From very small to large, so that no disturbance turns the ranking round.
SPREAD = SeparableSettings(
    stages=1, max_depth=4, base_width=64, units=("conv5",), pools=("max",), width_multipliers=(0.125, 1.0)
)


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_latency, "MAX_ROUNDS", 9)


@pytest.fixture
def space() -> SeparableSpace:
    return SPREAD.build(Shape(1, 32, 32), 10)


def quick(space: SeparableSpace, networks: int = 8, table: LatencyTable | None = None) -> LatencyCheck:
    return check_latency(space, networks, table=table, seconds=0.0)


def test_the_estimate_ranks_networks_that_differ_widely(space: SeparableSpace) -> None:
    check = quick(space)
    assert check.spearman > 0.5
    assert check.kendall > 0.3
    measured, estimated = np.array([(row.measured_ms, row.estimated_ms) for row in check.rows]).T
    assert check.median_relative_error == pytest.approx(np.median(np.abs(estimated / measured - 1)))
    assert measured.max() > 3 * measured.min()
    assert 0 <= check.disturbed < 1


def test_networks_are_canonical_distinct_and_those_of_the_seed(space: SeparableSpace) -> None:
    check = quick(space, networks=100)
    texts = [row.text for row in check.rows]
    assert len(set(texts)) == len(texts) == space.canonical_size() == 8
    assert [space.to_text(space.canonical(space.from_text(text))) for text in texts] == texts
    assert [row.text for row in quick(space, networks=4).rows] == [row.text for row in quick(space, networks=4).rows]


def test_a_given_table_is_used_and_completed(space: SeparableSpace) -> None:
    table = LatencyTable(batch=2)
    first = quick(space, 3, table)
    assert (first.batch, first.threads, first.device) == (2, 1, table.device)
    assert first.table_entries == len(table) > 0
    assert all(not table.missing(space.plan(genotype)) for genotype in space.sample(50, np.random.default_rng(0)))
    before = table.snapshot()
    second = quick(space, 3, table)
    assert table.snapshot() == before
    assert [row.estimated_ms for row in second.rows] == [row.estimated_ms for row in first.rows]


def test_cells_are_checked_too() -> None:
    space = NASBench201Settings(cells=1).build(Shape(3, 8, 8), 10)
    check = check_latency(space, 6, seconds=0.0)
    assert len(check.rows) == 6
    assert all(row.estimated_ms > 0 for row in check.rows)


def test_what_cannot_be_correlated_is_refused(space: SeparableSpace) -> None:
    with pytest.raises(CoernasError, match="at least 3 networks, not 2"):
        check_latency(space, 2)
    tiny = SeparableSettings(stages=1, max_depth=1, units=("conv3",), pools=("max",)).build(Shape(1, 8, 8), 10)
    with pytest.raises(CoernasError, match="needs 3 networks, the space gave 1"):
        check_latency(tiny)
