"""Raw values of proxies: measured once, kept, and refused where they were measured otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues, measure, read_values
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.proxies import DIMENSIONS, score

SMALL = {"size": 8, "batch": 4, "cells_drawn": 12}
OURS = Measurement("score", DIMENSIONS, (0, 1), **SMALL)
LISTED = Measurement("listed", ("params", "snip"), nominal=True, **SMALL)


@pytest.fixture(scope="module")
def raw(table: TabularBenchmark, tmp_path_factory: pytest.TempPathFactory) -> RawValues:
    return measure(table, OURS, tmp_path_factory.mktemp("values"), workers=1)


def test_values_are_those_of_the_score(raw: RawValues, table: TabularBenchmark) -> None:
    space = OURS.space
    row = int(raw.rows[3])
    text = space.to_text(space.canonical(space.from_text(table.architectures[row])))
    expected = score(space.build(space.from_text(text)), (3, 8, 8), 10, batch=4, seed=1)
    for name in DIMENSIONS:
        assert raw.of_rows(name, 1)[3] == pytest.approx(expected[name], rel=1e-8)
    assert len(raw.rows) == 12
    assert len(set(raw.texts)) == len(raw.texts) <= 12


def test_networks_as_listed_keep_their_dead_edges(table: TabularBenchmark, tmp_path: Path) -> None:
    listed = measure(table, LISTED, tmp_path, workers=1)
    assert listed.texts == tuple(table.architectures[row] for row in listed.rows)
    for row, params in zip(listed.rows, listed.of_rows("params", 0), strict=True):
        genotype = LISTED.space.from_text(table.architectures[row])
        assert params == LISTED.space.params(genotype)


def test_an_interrupted_measurement_goes_on(table: TabularBenchmark, tmp_path: Path) -> None:
    measurement = Measurement("flops", ("flops",), (0, 1), **SMALL)
    whole = measure(table, measurement, tmp_path, workers=1)
    path = measurement.csv(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:10], encoding="utf-8")
    calls: list[tuple[int, int]] = []
    again = measure(table, measurement, tmp_path, workers=1, on_candidate=lambda *told: calls.append(told))
    total = 2 * len(whole.texts)
    assert calls[0] == (5, total)
    assert calls[-1] == (total, total)
    assert np.array_equal(whole.of_rows("flops", 1), again.of_rows("flops", 1))
    assert len(read_values(path, ("flops",))) == total


def test_a_larger_sample_goes_on_with_a_smaller_one(table: TabularBenchmark, tmp_path: Path) -> None:
    small = Measurement("flops", ("flops",), size=8, batch=4, cells_drawn=5)
    first = measure(table, small, tmp_path, workers=1)
    calls: list[tuple[int, int]] = []
    more = measure(
        table, replace(small, cells_drawn=9), tmp_path, workers=1, on_candidate=lambda *told: calls.append(told)
    )
    assert np.array_equal(more.rows[:5], first.rows)
    assert len(calls) == len(more.texts) - len(first.texts)
    fewer = measure(table, small, tmp_path, workers=1)
    assert fewer.texts == first.texts


def test_values_measured_otherwise_are_refused(table: TabularBenchmark, tmp_path: Path) -> None:
    measurement = Measurement("flops", ("flops",), **{**SMALL, "cells_drawn": 2})
    measure(table, measurement, tmp_path, workers=1)
    changed = replace(measurement, formulas=2)
    with pytest.raises(RunError, match="--again flops"):
        measure(table, changed, tmp_path, workers=1)
    calls: list[tuple[int, int]] = []
    measure(table, changed, tmp_path, workers=1, again=True, on_candidate=lambda *told: calls.append(told))
    assert len(calls) == 2
    with pytest.raises(CoernasError, match="no-such"):
        measure(table, replace(measurement, proxies=("no-such",)), tmp_path, workers=1)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made"):
        measure(table, measurement, tmp_path / "file", workers=1)


def test_a_network_that_fails_has_no_values(table: TabularBenchmark, tmp_path: Path) -> None:
    from coernas_moo.proxies import register_proxy

    @register_proxy("broken", needs=(), source="a test")
    def broken(trace: object) -> float:
        """Fails."""
        raise ValueError

    found = measure(table, Measurement("broken", ("broken",), **{**SMALL, "cells_drawn": 2}), tmp_path, workers=1)
    assert np.isnan(found.of_rows("broken", 0)).all()
