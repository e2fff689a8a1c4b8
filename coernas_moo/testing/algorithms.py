"""Conformance tests of search algorithms, on problems whose candidates cost nothing.

A package that registers an algorithm subclasses `AlgorithmConformance` in its own tests:

    class TestMyAlgorithm(AlgorithmConformance):
        @pytest.fixture
        def algorithm(self) -> str:
            return "my-algorithm"
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pymoo.core.termination import NoTermination

from coernas_moo.config import ProblemFile, parse_problem
from coernas_moo.evaluation.batch import AtOnce, OnRecord
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.record import Record
from coernas_moo.networks.layers import Shape
from coernas_moo.search.algorithms import make_algorithm
from coernas_moo.search.archive import Archive
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.problem import SearchProblem
from coernas_moo.spaces import Genotype

TINY = """
name = "tiny"
objectives = ["score", "params"]
[data]
kind = "noise"
[space]
kind = "separable"
stages = 1
max_depth = 2
units = ["conv3", "sep3", "dil3"]
pools = ["max", "avg"]
[search]
population = 6
"""
"""A space of 24 networks."""

CELLS = """
name = "cells"
objectives = ["score", "params"]
[data]
kind = "noise"
[space]
kind = "nasbench201"
[search]
population = 10
"""
"""NAS-Bench-201, where many genotypes build the same network."""

DEEP = """
name = "deep"
objectives = ["score", "params"]
[data]
kind = "noise"
[space]
kind = "separable"
[search]
population = 10
"""
"""The separable space, of whose networks one in thousands has fewer than 15,000 parameters."""


class SyntheticEvaluator(AtOnce):
    """Makes records without building anything: proxies are fixed random numbers in (0, 1), drawn by genotype.

    Args:
        problem: names proxies and limits.
        costs: closed-form costs over its space.

    `evaluated` lists the texts of what counts as evaluated, in order.
    """

    def __init__(self, problem: ProblemFile, costs: ClosedFormCosts) -> None:
        self.problem = problem
        self.costs = costs
        self.evaluated: list[str] = []

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """Records of canonical genotypes; a stop is not asked for."""
        records: list[Record | None] = []
        for genotype, costs in zip(genotypes, self.costs.of(genotypes), strict=True):
            text = self.costs.space.to_text(genotype)
            if self.costs.violation(costs) > 0:
                records.append(Record(text, costs=costs, over_limit=True))
                continue
            self.evaluated.append(text)
            rng = np.random.default_rng(zlib.crc32(text.encode()))
            records.append(Record(text, {name: rng.random() for name in self.problem.score.proxies}, costs))
        return records


def synthetic_problem(text: str, limits: Sequence[str] = ()) -> tuple[SearchProblem, SyntheticEvaluator]:
    """The pymoo problem of a problem file, with a synthetic evaluator."""
    problem = parse_problem(text, "synthetic", Path.cwd(), {"limits": list(limits)})
    space = problem.space_settings.build(Shape(3, 16, 16), 10)
    evaluator = SyntheticEvaluator(problem, ClosedFormCosts(problem, space, Path.cwd() / "no-such-file"))
    return SearchProblem(space, evaluator, Archive.of(problem)), evaluator


def drive(
    name: str, text: str, *, generations: int, seed: int = 1, limits: Sequence[str] = ()
) -> tuple[SyntheticEvaluator, Archive, list[int], bool]:
    """Run a registered algorithm as the run loop does.

    Returns:
        The evaluator, the archive, the size of each generation, and whether the algorithm ended by itself.
    """
    problem, evaluator = synthetic_problem(text, limits)
    algorithm = make_algorithm(name, problem, effective_preset(evaluator.problem.search))
    algorithm.setup(problem, termination=NoTermination(), seed=seed)
    sizes: list[int] = []
    for _ in range(generations):
        offspring = algorithm.ask()
        if offspring is None or not len(offspring):
            return evaluator, problem.archive, sizes, True
        codes = np.rint(offspring.get("X").astype(float))
        assert ((codes >= 0) & (codes < problem.space.cardinalities)).all()
        algorithm.evaluator.eval(problem, offspring, algorithm=algorithm)
        algorithm.tell(infills=offspring)
        sizes.append(len(offspring))
    return evaluator, problem.archive, sizes, False


class AlgorithmConformance:
    """What every registered algorithm must do; override the fixture `algorithm`."""

    @pytest.fixture
    def algorithm(self) -> str:
        """The name under which the algorithm is registered."""
        raise NotImplementedError("override the fixture `algorithm` with one that returns the name of your algorithm")

    def test_a_generation_is_at_most_a_population(self, algorithm: str) -> None:
        _, archive, sizes, _ = drive(algorithm, CELLS, generations=5)
        assert sizes[0] == 10
        assert max(sizes) <= 10
        assert archive.front()

    def test_the_seed_decides(self, algorithm: str) -> None:
        first, again, other = (drive(algorithm, CELLS, generations=4, seed=seed)[0].evaluated for seed in (1, 1, 2))
        assert first == again
        assert first != other

    def test_no_network_is_evaluated_twice(self, algorithm: str) -> None:
        evaluator, archive, _, _ = drive(algorithm, CELLS, generations=12)
        assert len(set(evaluator.evaluated)) == len(evaluator.evaluated) == len(archive)

    def test_an_exhausted_space_ends_the_search(self, algorithm: str) -> None:
        evaluator, archive, _, ended = drive(algorithm, TINY, generations=60)
        assert ended
        assert 6 < len(evaluator.evaluated) == len(archive) <= 24

    def test_a_space_of_one_network_ends_the_search(self, algorithm: str) -> None:
        one = CELLS.replace('kind = "nasbench201"', 'kind = "nasbench201"\noptions = ["skip_connect"]')
        evaluator, _, _, ended = drive(algorithm, one, generations=10)
        assert ended
        assert len(evaluator.evaluated) == 1

    def test_what_breaks_a_limit_is_not_evaluated(self, algorithm: str) -> None:
        evaluator, archive, _, _ = drive(algorithm, CELLS, generations=6, limits=["params <= 150000"])
        assert evaluator.evaluated
        assert all(archive[text].costs["params"] <= 150000 for text in evaluator.evaluated)

    def test_a_limit_that_few_meet_leaves_a_front(self, algorithm: str) -> None:
        _, archive, _, _ = drive(algorithm, DEEP, generations=4, limits=["params <= 15000"])
        assert archive.front()
