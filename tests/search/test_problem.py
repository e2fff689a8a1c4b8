from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.callback import Callback
from pymoo.core.mixed import MixedVariableGA
from pymoo.core.variable import Choice
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.optimize import minimize

from coernas_moo.config import ProblemFile
from coernas_moo.datasets.noise import Noise
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.record import Record
from coernas_moo.networks.layers import Shape
from coernas_moo.search.archive import WORST, Archive
from coernas_moo.search.problem import SearchProblem
from coernas_moo.testing.algorithms import CELLS, SyntheticEvaluator, synthetic_problem

SHAPE = Shape(1, 8, 8)


@pytest.fixture
def real(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> Iterator[SearchProblem]:
    """The tiny problem, with networks that are built and scored."""
    problem = tiny()
    space = problem.space_settings.build(SHAPE, 3)
    costs = ClosedFormCosts(problem, space, tmp_path / "latency.json")
    with Evaluator(problem, costs, Noise(SHAPE, 3), tmp_path / "journal") as evaluator:
        yield SearchProblem(space, evaluator, Archive.of(problem))


def test_variables_and_bounds_are_declared(real: SearchProblem) -> None:
    assert list(real.vars) == list(real.space.genes)
    assert all(isinstance(variable, Choice) for variable in real.vars.values())
    assert [len(variable.options) for variable in real.vars.values()] == real.space.cardinalities.tolist()
    assert (real.xl == 0).all()
    assert np.array_equal(real.xu, real.space.cardinalities - 1)
    assert (real.n_var, real.n_obj, real.n_ieq_constr) == (len(real.space.genes), 2, 1)


@pytest.mark.parametrize("objectives", [("score", "params"), ("score",)])
def test_pymoos_own_algorithms_solve_it_unchanged(
    tmp_path: Path, tiny: Callable[..., ProblemFile], objectives: tuple[str, ...]
) -> None:
    problem_file = tiny(objectives=list(objectives))
    space = problem_file.space_settings.build(SHAPE, 3)
    costs = ClosedFormCosts(problem_file, space, tmp_path / "latency.json")
    algorithm = NSGA2(pop_size=8) if len(objectives) > 1 else GA(pop_size=8)
    mixed = MixedVariableGA(pop_size=8, survival=RankAndCrowding())
    with Evaluator(problem_file, costs, Noise(SHAPE, 3), tmp_path / "journal") as evaluator:
        problem = SearchProblem(space, evaluator, Archive.of(problem_file))
        result = minimize(problem, algorithm, ("n_gen", 3), seed=1)
        codes = np.atleast_2d(result.X)
        assert codes.shape[1] == len(space.genes)
        assert np.isfinite(result.F).all()
        assert 8 <= len(problem.archive) <= 24
        named = minimize(problem, mixed, ("n_gen", 3), seed=1)
    for one, values in zip(np.atleast_1d(named.X), np.atleast_2d(named.F), strict=True):
        (text,) = problem.texts(np.array([[one[gene] for gene in space.genes]]))
        assert np.array_equal(problem.archive.objective_values([text])[0], values)
    assert np.array_equal(result.pop.get("F"), problem.archive.objective_values(problem.texts(result.pop.get("X"))))


class Remember(Callback):
    """Compares the F and the violation of survivors with the archive's, as they are after every generation."""

    def __init__(self) -> None:
        super().__init__()
        self.stale: list[bool] = []

    def notify(self, algorithm: Any) -> None:
        archive, texts = algorithm.problem.archive, algorithm.problem.texts(algorithm.pop.get("X"))
        violations = np.maximum(archive.constraint_values(texts), 0).sum(axis=1)
        values = np.array_equal(algorithm.pop.get("F"), archive.objective_values(texts))
        self.stale.append(not (values and np.allclose(violations, algorithm.pop.get("CV")[:, 0])))


def test_values_that_survivors_were_given_stay_true() -> None:
    problem, _ = synthetic_problem(CELLS, ["score >= 0.5"])
    watch = Remember()
    minimize(problem, NSGA2(pop_size=10), ("n_gen", 8), seed=1, callback=watch)
    assert watch.stale == [False] * 8
    assert problem.archive.first == 10


def test_equal_networks_are_evaluated_once_and_have_equal_values() -> None:
    problem, evaluator = synthetic_problem(CELLS)
    genotypes = problem.space.sample(300, np.random.default_rng(0))
    rows = np.concatenate([genotypes, genotypes[:10].astype(float) + 0.3])
    out = problem.evaluate(rows, return_as_dictionary=True)
    texts = problem.texts(rows)
    assert len(set(texts)) == len(evaluator.evaluated) == len(problem.archive) < 300
    by_text: dict[str, tuple[float, ...]] = {}
    for text, values in zip(texts, out["F"].tolist(), strict=True):
        assert by_text.setdefault(text, tuple(values)) == tuple(values)
    problem.evaluate(rows)
    assert len(evaluator.evaluated) == len(problem.archive)


def test_limits_are_constraints() -> None:
    problem, evaluator = synthetic_problem(CELLS, ["params <= 80000", "score >= 0.3"])
    rows = problem.space.sample(50, np.random.default_rng(0))
    out = problem.evaluate(rows, return_as_dictionary=True)
    params = np.array([problem.space.params(row) for row in rows])
    assert out["G"].shape == (50, 3)
    assert out["G"][:, 0] == pytest.approx((params - 80000) / 80000)
    assert (out["G"][:, 2] == -1).all()
    built = [problem.archive[text] for text in evaluator.evaluated]
    assert 0 < len(built) < 50
    assert all(record.costs["params"] <= 80000 for record in built)
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 4), seed=1)
    assert all(problem.space.params(np.rint(row).astype(int)) <= 80000 for row in np.atleast_2d(result.X))


class Failing(SyntheticEvaluator):
    """Fails every second candidate, and has an infinite proxy for every third."""

    def evaluate(self, genotypes: Any, on_record: Any = None) -> list[Record | None]:
        records = [record for record in super().evaluate(genotypes, on_record) if record is not None]
        failed = [Record(r.text, costs=r.costs, failure="worker killed", tries=2) for r in records[::2]]
        records[::2] = failed
        infinite = [replace(r, proxies={**r.proxies, "isotropy": -np.inf}) for r in records[1::6]]
        records[1::6] = infinite
        return list(records)


def test_failed_candidates_get_the_worst_and_are_infeasible_and_no_nan_reaches_pymoo() -> None:
    problem, evaluator = synthetic_problem(CELLS)
    problem.evaluator = Failing(evaluator.problem, evaluator.costs)
    rows = problem.space.sample(40, np.random.default_rng(0))
    out = problem.evaluate(rows, return_as_dictionary=True)
    failed = np.array([problem.archive[text].failure is not None for text in problem.texts(rows)])
    assert 0 < failed.sum() < 40
    assert np.isfinite(out["F"]).all()
    assert (out["F"][failed] == WORST).all()
    assert (out["G"][failed] > 0).all()
    assert (out["G"][~failed] <= 0).all()
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 5), seed=1)
    assert (result.F < WORST).all()
    assert not {record.text for record in problem.archive.failures} & set(problem.archive.front())
