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
from pymoo.core.population import Population
from pymoo.core.variable import Choice
from pymoo.optimize import minimize

from coernas_moo.config import ProblemFile
from coernas_moo.datasets.noise import Noise
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.record import Record
from coernas_moo.networks.layers import Shape
from coernas_moo.search.archive import WORST, Archive
from coernas_moo.search.problem import RankingEvaluator, SearchProblem
from coernas_moo.testing.algorithms import CELLS, SyntheticEvaluator, synthetic_problem

SHAPE = Shape(1, 8, 8)


@pytest.fixture
def real(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> Iterator[SearchProblem]:
    """The tiny problem, with networks that are built and scored."""
    problem = tiny()
    space = problem.space_settings.build(SHAPE, 3)
    costs = ClosedFormCosts(problem, space, tmp_path / "latency.json")
    with Evaluator(problem, costs, Noise(SHAPE, 3), tmp_path / "journal") as evaluator:
        yield SearchProblem(space, evaluator, Archive(problem.objectives, (), problem.score.proxies, problem.score.p))


def test_variables_and_bounds_are_declared(real: SearchProblem) -> None:
    assert list(real.vars) == list(real.space.genes)
    assert all(isinstance(variable, Choice) for variable in real.vars.values())
    assert [len(variable.options) for variable in real.vars.values()] == real.space.cardinalities.tolist()
    assert (real.xl == 0).all()
    assert np.array_equal(real.xu, real.space.cardinalities - 1)
    assert (real.n_var, real.n_obj, real.n_ieq_constr) == (len(real.space.genes), 2, 1)


@pytest.mark.parametrize("objectives", [("score", "params"), ("score",)])
@pytest.mark.parametrize("ranking", [False, True])
def test_pymoos_own_algorithms_solve_it_unchanged(
    tmp_path: Path, tiny: Callable[..., ProblemFile], objectives: tuple[str, ...], ranking: bool
) -> None:
    problem_file = tiny(objectives=list(objectives))
    space = problem_file.space_settings.build(SHAPE, 3)
    costs = ClosedFormCosts(problem_file, space, tmp_path / "latency.json")
    archive = Archive(objectives, (), problem_file.score.proxies, 0.0)
    algorithm = NSGA2(pop_size=8) if len(objectives) > 1 else GA(pop_size=8)
    options: dict[str, Any] = {"evaluator": RankingEvaluator()} if ranking else {}
    with Evaluator(problem_file, costs, Noise(SHAPE, 3), tmp_path / "journal") as evaluator:
        problem = SearchProblem(space, evaluator, archive)
        result = minimize(problem, algorithm, ("n_gen", 3), seed=1, **options)
    codes = np.atleast_2d(result.X)
    assert codes.shape[1] == len(space.genes)
    assert np.isfinite(result.F).all()
    assert 8 <= len(archive) <= 24
    if ranking:
        assert np.array_equal(result.pop.get("F"), archive.objective_values(problem.texts(result.pop.get("X"))))


class Remember(Callback):
    """Compares the F of survivors with the archive's scores, as they are after every generation."""

    def __init__(self) -> None:
        super().__init__()
        self.stale: list[bool] = []

    def notify(self, algorithm: Any) -> None:
        problem = algorithm.problem
        now = problem.archive.objective_values(problem.texts(algorithm.pop.get("X")))
        self.stale.append(not np.array_equal(algorithm.pop.get("F"), now))


@pytest.mark.parametrize(("options", "stale"), [({}, True), ({"evaluator": RankingEvaluator()}, False)])
def test_survivors_are_ranked_anew_before_every_survival(options: dict[str, Any], stale: bool) -> None:
    problem, _ = synthetic_problem(CELLS)
    watch = Remember()
    minimize(problem, NSGA2(pop_size=10), ("n_gen", 8), seed=1, callback=watch, **options)
    assert any(watch.stale) == stale


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
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 4), seed=1, evaluator=RankingEvaluator())
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
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 5), seed=1, evaluator=RankingEvaluator())
    assert (result.F < WORST).all()
    assert not {record.text for record in problem.archive.failures} & set(problem.archive.front())


def test_ranking_anew_also_moves_the_violation() -> None:
    problem, _ = synthetic_problem(CELLS, ["score >= 0.5"])
    seen: list[bool] = []

    class Violations(Callback):
        def notify(self, algorithm: Any) -> None:
            limits = problem.archive.constraint_values(problem.texts(algorithm.pop.get("X")))
            seen.append(np.allclose(np.maximum(limits, 0).sum(axis=1), algorithm.pop.get("CV")[:, 0]))

    minimize(problem, NSGA2(pop_size=10), ("n_gen", 5), seed=1, evaluator=RankingEvaluator(), callback=Violations())
    assert seen
    assert all(seen)


@pytest.mark.parametrize(
    ("objectives", "limits", "moving"),
    [
        ('["params", "macs"]', ["params <= 80000"], ""),
        ('["score", "params"]', ["params <= 80000"], "F"),
        ('["params", "macs"]', ["score >= 0.5"], "G"),
        ('["score", "params"]', ["score >= 0.5"], "FG"),
    ],
)
def test_only_what_moves_is_brought_up_to_date(objectives: str, limits: list[str], moving: str) -> None:
    problem, _ = synthetic_problem(CELLS.replace('["score", "params"]', objectives), limits)
    rows = problem.space.sample(60, np.random.default_rng(0))
    population = Population.new("X", rows[:20])
    problem.finish(population, problem.begin(population))
    before = {key: population.get(key).copy() for key in ("F", "G")}
    asked: list[str] = []
    for key, name in (("F", "objective_values"), ("G", "constraint_values")):
        values = getattr(problem.archive, name)
        setattr(problem.archive, name, lambda texts, key=key, values=values: (asked.append(key), values(texts))[1])
    problem.evaluate(rows[20:])
    asked.clear()
    problem.update(population)
    assert "".join(asked) == moving
    problem.assign(population)
    for key in ("F", "G"):
        assert np.array_equal(before[key], population.get(key)) == (key not in moving)
