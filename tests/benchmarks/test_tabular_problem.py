"""Problems that are read from a table: values, true fronts, hypervolumes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.indicators.hv import Hypervolume
from pymoo.optimize import minimize

from coernas_moo.benchmarks.tabular_problem import Reference, TabularProblem
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import DataError, ProblemFileError, RunError
from coernas_moo.evaluation.tabular import DATA_VARIABLE, TabularBenchmark
from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.loop import run_search
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.sampling import BalancedSampling

ZEROS = np.zeros((1, 6), dtype=np.int64)


def made(name: str = "nb201-edgegpu", **overrides: object) -> ProblemFile:
    return load_problem(name, {key.replace("__", "."): value for key, value in overrides.items()})


def test_objectives_are_the_columns(table_here: None) -> None:
    table = TabularBenchmark.load()
    names = ["error:cifar10", "test_error:cifar10", "params", "macs", "latency:edgegpu", "energy:edgegpu"]
    problem = TabularProblem(made(objectives=names))
    rows = problem.space.sample(50, np.random.default_rng(0))
    found = problem.evaluate(rows, return_values_of=["F"])
    at = [table.row(problem.space.to_text(row)) for row in rows]
    expected = [
        100 - table.accuracy("cifar10", "valid"),
        100 - table.accuracy("cifar10", "test"),
        np.rint(table.params_m * 1e6),
        np.rint(table.flops_m * 1e6) - 10,
        table.latency_ms["edgegpu"],
        table.energy_mj["edgegpu"],
    ]
    assert np.array_equal(found, np.stack(expected, axis=1)[at])


def test_the_costs_of_the_table_are_those_of_the_plans() -> None:
    if not Path(os.environ.get(DATA_VARIABLE, ""), "nb201", "nb201.npz").is_file():
        pytest.skip(f"no nb201/nb201.npz under {DATA_VARIABLE}")
    problem = TabularProblem(made(objectives=["error:cifar10", "params", "macs"]))
    for row in problem.space.sample(20, np.random.default_rng(1)):
        costs = problem.table_costs.of([row])[0]
        assert costs["params"] == problem.space.params(row)
        # The table holds millions in single precision.
        assert costs["macs"] == pytest.approx(problem.space.macs(row), rel=1e-6)


def test_the_costs_of_many_rows_are_those_of_each(table_here: None) -> None:
    problem = TabularProblem(made(objectives=["error:cifar10", "latency:edgegpu", "params"], limits=["params <= 7e5"]))
    rows, costs = problem.space.sample(30, np.random.default_rng(1)), problem.table_costs
    names = ["params", "error:cifar10", "latency:edgegpu"]
    expected = [[each.get(name, np.nan) for name in names] for each in costs.of(list(rows))]
    assert np.array_equal(costs.values(rows, names), expected, equal_nan=True)
    assert np.isnan(expected).any(axis=0).tolist() == [False, True, False]
    assert costs.violations(rows).tolist() == [costs.violation(each) for each in costs.of(list(rows))]
    assert problem.accept(rows).tolist() == [costs.violation(each) <= 0 for each in costs.of(list(rows))]


def test_rows_count_one_by_one_unless_merged(table_here: None) -> None:
    problem, merged = TabularProblem(made()), TabularProblem(made(space__merge=True))
    dead = np.array([[3, 0, 0, 3, 0, 0], [0, 0, 0, 3, 0, 0]])
    for each in (problem, merged):
        each.evaluate(dead)
    assert (problem.archive.evaluations, merged.archive.evaluations) == (2, 1)
    assert (problem.space.canonical_size(), merged.space.canonical_size()) == (15625, 4930)
    assert np.array_equal(problem.space.function(dead[0]), problem.space.function(dead[1]))


def test_the_true_front_is_that_of_all_rows(table_here: None) -> None:
    problem = TabularProblem(made())
    values = np.stack([problem.table_costs.columns[o.name] for o in problem.archive.objectives], axis=1)
    for point in problem.reference.front[::5]:
        assert not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any()
    assert problem.reference.share(values) == pytest.approx(1)
    ordered = values[np.lexsort((values[:, 1], values[:, 0]))]
    best = np.minimum.accumulate(ordered[:, 1])
    assert len(problem.reference.front) == 1 + int((np.diff(best) < 0).sum())


def test_limits_and_devices_that_cannot_run_it_bound_the_true_front(table_here: None) -> None:
    free = TabularProblem(made())
    bound = float(np.median(free.table_costs.columns["latency:edgegpu"]))
    limited = TabularProblem(made(limits=[f"latency:edgegpu <= {bound}", "error:cifar10 <= 40"]))
    assert limited.reference.front[:, 1].max() <= bound
    assert limited.reference.front[:, 0].max() <= 40
    partly = TabularProblem(made(objectives=["error:cifar10", "latency:edgetpu"]))
    partly.evaluate(ZEROS)
    assert [record.failure for record in partly.archive] == ["the table has no latency:edgetpu for it"]
    assert np.isfinite(partly.reference.front).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 9)] * 2), min_size=1, max_size=15), st.integers(0, 100))
def test_the_share_is_pymoos_hypervolume(points: list[tuple[int, int]], seed: int) -> None:
    everything = np.concatenate([np.array(points), np.random.default_rng(seed).integers(0, 10, (30, 2))]).astype(float)
    reference = Reference(everything)
    ours = reference.scaled(np.array(points, dtype=float))
    exact = Hypervolume(ref_point=np.ones(2))
    whole = float(exact(reference.scaled(reference.front)))
    attained = [any(all(one <= best for one, best in zip(p, f, strict=True)) for p in points) for f in reference.front]
    expected = float(exact(ours)) / whole if whole else float(np.mean(attained))
    assert reference.share(np.array(points, dtype=float)) == pytest.approx(expected)


def test_pymoo_solves_it_and_the_command_line_searches_it(table_here: None, tmp_path: Path) -> None:
    problem = TabularProblem(made())
    algorithm = NSGA2(
        pop_size=20,
        sampling=BalancedSampling(problem.space),
        crossover=SegmentCrossover(problem.space),
        mutation=AdaptiveMutation(problem.space, default=1 / 6),
    )
    found = minimize(problem, algorithm, ("n_gen", 10), seed=1)
    assert 0.5 < problem.reference.share(found.F) <= 1
    settings_ = {"search__population": 10, "search__generations": 3}
    run = run_search(made(**settings_), tmp_path / "run")
    assert run.state.evaluations == 30
    more = run_search(made(search__population=10, search__generations=5), tmp_path / "run", resume=True)
    straight = run_search(made(search__population=10, search__generations=5), tmp_path / "straight")
    assert [member.text for member in more.front] == [member.text for member in straight.front]


def test_what_cannot_be_read_is_said(table_here: None, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no latency of fpga; it has edgegpu, edgetpu"):
        TabularProblem(made("nb201-fpga"))
    with pytest.raises(DataError, match="no accuracy cifar100/valid"):
        TabularProblem(made(objectives=["error:cifar100", "params"]))
    with pytest.raises(ProblemFileError, match="channels = 16 and cells = 5"):
        TabularProblem(made(space__cells=2))
    with pytest.raises(ProblemFileError, match="search one or the other"):
        run_search(made(objectives=["score", "error:cifar10"]), tmp_path / "run")
    with pytest.raises(ProblemFileError, match=r"3x32x32 in 10 classes, \[data\] has 3x32x32 in 3"):
        run_search(made(data__classes=3), tmp_path / "run")
    for change in ({"objectives": ["score", "latency:edgegpu", "latency_ms"]}, {"limits": ["latency_ms <= 3"]}):
        with pytest.raises(ProblemFileError, match="latency_ms cannot stand beside objectives and limits of the NAS"):
            run_search(made(**change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_its_own_table_only(
    table_here: None, made_up_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"search__population": 10, "search__generations": 2}
    run_search(made(**small), tmp_path / "run")
    shutil.copytree(made_up_table, tmp_path / "other")
    file = next((tmp_path / "other").rglob("*.npz"))
    with np.load(file) as columns:
        changed = {name: columns[name] + 1 if "edgegpu" in name else columns[name] for name in columns}
    np.savez(file, **changed)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "other"))
    with pytest.raises(RunError, match="made with other settings"):
        run_search(made(**small), tmp_path / "run", resume=True)


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e3])
def test_shares_do_not_depend_on_units_where_one_network_is_best(unit: float) -> None:
    single = Reference(unit * np.array([[1.0], [1.5], [5.0]]))
    assert single.share(unit * np.array([[1.5], [5.0]])) == pytest.approx(1 - 0.5 / 4)
    best = Reference(unit * np.array([[1.0, 2.0], [3.0, 3.0], [2.0, 6.0]]))
    assert best.share(unit * np.array([[1.5, 3.0]])) == pytest.approx(0.75 * 0.75)
    told = Reference(unit * np.array([[1.0, 2.0]]), unit * np.array([3.0, 6.0]))
    assert told.share(unit * np.array([[1.5, 3.0]])) == pytest.approx(0.75 * 0.75)
    assert told.nadir.tolist() == (unit * np.array([3.0, 6.0])).tolist()


def test_a_front_of_extremes_is_shared_by_what_attains_them() -> None:
    reference = Reference(np.array([[0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]))
    assert reference.hypervolume == 0
    shares = [reference.share(np.array(found)) for found in ([[2.0, 2.0]], [[0.0, 2.0]], [[2.0, 0.0], [0.0, 2.0]])]
    assert shares == [0.0, 0.5, 1.0]
    assert reference.share(np.empty((0, 2))) == 0.0
