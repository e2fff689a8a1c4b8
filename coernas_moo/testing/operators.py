"""Conformance tests of crossover and mutation operators on genotypes.

A package that adds an operator subclasses one of these in its own tests:

    class TestMyCrossover(CrossoverConformance):
        @pytest.fixture
        def crossover(self, space: SearchSpace) -> Crossover:
            return MyCrossover(space)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem

from coernas_moo.networks.layers import Shape
from coernas_moo.spaces import SearchSpace, SeparableSettings


def bounds_only(space: SearchSpace) -> Problem:
    """A pymoo problem that has the space's genes and bounds and cannot be evaluated."""
    return Problem(n_var=len(space.genes), n_obj=1, xl=np.zeros(len(space.genes)), xu=space.cardinalities - 1.0)


class _OperatorConformance:
    pairs = 60
    """How many pairs of parents, or half of the members, an operator gets at once."""

    @pytest.fixture
    def space(self) -> SearchSpace:
        """A space with several segments."""
        return SeparableSettings(stages=3, width_multipliers=(0.5, 1.0)).build(Shape(3, 16, 16), 10)

    def _apply(self, operator: Any, space: SearchSpace, genotypes: NDArray[np.int64], seed: int) -> NDArray[Any]:
        raise NotImplementedError

    def _genotypes(self, space: SearchSpace) -> NDArray[np.int64]:
        return space.sample(2 * self.pairs, np.random.default_rng(11))

    def _check_offspring(self, operator: Any, space: SearchSpace) -> None:
        offspring = self._apply(operator, space, self._genotypes(space), 1)
        assert offspring.dtype == np.int64
        assert offspring.shape == (2 * self.pairs, len(space.genes))
        assert (offspring >= 0).all()
        assert (offspring < space.cardinalities).all()

    def _check_seed(self, operator: Any, space: SearchSpace) -> None:
        genotypes = self._genotypes(space)
        first, again, other = (self._apply(operator, space, genotypes.copy(), seed) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    def _check_parents_stay(self, operator: Any, space: SearchSpace) -> None:
        genotypes = self._genotypes(space)
        before = genotypes.copy()
        self._apply(operator, space, genotypes, 1)
        assert np.array_equal(genotypes, before)


class CrossoverConformance(_OperatorConformance):
    """What every crossover of two genotypes must do; override the fixture `crossover`, and `space` if need be."""

    @pytest.fixture
    def crossover(self, space: SearchSpace) -> Crossover:
        """The operator under test."""
        raise NotImplementedError("override the fixture `crossover` with one that returns your operator")

    def _apply(self, operator: Any, space: SearchSpace, genotypes: NDArray[np.int64], seed: int) -> NDArray[Any]:
        parents = np.arange(2 * self.pairs).reshape(self.pairs, 2)
        offspring: NDArray[Any] = operator.do(
            bounds_only(space), Population.new("X", genotypes), parents, random_state=np.random.default_rng(seed)
        ).get("X")
        return offspring

    def test_offspring_are_genotypes_of_the_space(self, crossover: Crossover, space: SearchSpace) -> None:
        self._check_offspring(crossover, space)

    def test_the_seed_decides(self, crossover: Crossover, space: SearchSpace) -> None:
        self._check_seed(crossover, space)

    def test_parents_stay_as_they_are(self, crossover: Crossover, space: SearchSpace) -> None:
        self._check_parents_stay(crossover, space)

    def test_every_gene_comes_from_its_place_in_a_parent(self, crossover: Crossover, space: SearchSpace) -> None:
        genotypes = self._genotypes(space)
        offspring = self._apply(crossover, space, genotypes, 1)
        first, second = (np.tile(genotypes[start::2], (2, 1)) for start in (0, 1))
        assert ((offspring == first) | (offspring == second)).all()

    def test_nothing_is_lost_between_two_offspring(self, crossover: Crossover, space: SearchSpace) -> None:
        genotypes = self._genotypes(space)
        one, other = np.split(self._apply(crossover, space, genotypes, 1), 2)
        assert np.array_equal(one + other, genotypes[::2] + genotypes[1::2])

    def test_equal_parents_have_offspring_like_themselves(self, crossover: Crossover, space: SearchSpace) -> None:
        genotypes = np.repeat(self._genotypes(space)[: self.pairs], 2, axis=0)
        assert np.array_equal(self._apply(crossover, space, genotypes, 1), np.tile(genotypes[::2], (2, 1)))


class MutationConformance(_OperatorConformance):
    """What every mutation must do; override the fixture `mutation`, and `space` if need be."""

    @pytest.fixture
    def mutation(self, space: SearchSpace) -> Mutation:
        """The operator under test, at a rate at which some genes change and some stay."""
        raise NotImplementedError("override the fixture `mutation` with one that returns your operator")

    def _apply(self, operator: Any, space: SearchSpace, genotypes: NDArray[np.int64], seed: int) -> NDArray[Any]:
        members = Population.new("X", genotypes)
        mutated: NDArray[Any] = operator.do(
            bounds_only(space), members, inplace=False, random_state=np.random.default_rng(seed)
        ).get("X")
        return mutated

    def test_mutants_are_genotypes_of_the_space(self, mutation: Mutation, space: SearchSpace) -> None:
        self._check_offspring(mutation, space)

    def test_the_seed_decides(self, mutation: Mutation, space: SearchSpace) -> None:
        self._check_seed(mutation, space)

    def test_originals_stay_as_they_are(self, mutation: Mutation, space: SearchSpace) -> None:
        self._check_parents_stay(mutation, space)

    def test_some_genes_change_and_some_stay(self, mutation: Mutation, space: SearchSpace) -> None:
        genotypes = self._genotypes(space)
        changed = self._apply(mutation, space, genotypes, 1) != genotypes
        assert 0 < changed.mean() < 1
        assert changed[:, space.cardinalities > 1].any(axis=0).all()
