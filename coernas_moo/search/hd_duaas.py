"""HD-DUAAS: the genetic algorithm of the method, as a pymoo algorithm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.soo.nonconvex.ga import FitnessSurvival
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.presets import PRESETS, Preset
from coernas_moo.search.sampling import Accept, BalancedSampling, Repair
from coernas_moo.search.selection import Tournament
from coernas_moo.spaces import Genotype, SearchSpace

FILL_ROUNDS = 20
"""Rounds of mating, then of uniform sampling, in which a generation's offspring are found."""


class HDDUAAS(GeneticAlgorithm):  # type: ignore[misc]
    """High-dimensional decoupled unit-adaptive architecture search.

    Tournament selection, one crossover a segment, adaptive mutation, no canonical genotype twice in a run. One
    objective: elitist (mu + lambda) survival; several: non-dominated rank, then crowding (Deb et al. 2002). When
    mating finds nothing new, uniform samples fill up; when there are none either, the space is exhausted and the
    algorithm ends.

    The publication (COER-NAS 2026) names the parts and the presets; the formulas of the adaptation are ours.

    Args:
        space: the search space, whose genes are the problem's variables.
        preset: sizes and base rates.
        accept: which genotypes may be tried at all (closed-form limits); all by default.
        known: whether a canonical genotype was evaluated before; by default those in the population only.
        repair: brings a genotype of the first population within the limits; none by default.

    Example:
        >>> from coernas_moo.networks.layers import Shape
        >>> from coernas_moo.spaces import NASBench201
        >>> HDDUAAS(NASBench201(Shape(3, 16, 16), 10)).pop_size
        30
    """

    def __init__(
        self,
        space: SearchSpace,
        preset: Preset = PRESETS[4],
        accept: Accept | None = None,
        known: Callable[[Genotype], bool] | None = None,
        repair: Repair | None = None,
    ) -> None:
        self.space = space
        self.accept = accept
        super().__init__(
            pop_size=preset.population,
            sampling=BalancedSampling(space, accept, repair),
            selection=Tournament(preset.tournament),
            crossover=SegmentCrossover(space, preset.crossover, preset.crossover["conv"]),
            mutation=AdaptiveMutation(space, preset.mutation, preset.mutation["conv"]),
            eliminate_duplicates=CanonicalDuplicates(space, known),
            advance_after_initial_infill=True,
        )

    def _setup(self, problem: Problem, **kwargs: object) -> None:
        self.survival = FitnessSurvival() if problem.n_obj == 1 else RankAndCrowding()

    def _infill(self) -> Population | None:
        offspring, mating = Population.create(), True
        for _ in range(FILL_ROUNDS):
            missing = self.n_offsprings - len(offspring)
            if mating:
                # A whole batch costs hardly more than the few that are missing.
                fresh = self.mating.do(
                    self.problem,
                    self.pop,
                    self.n_offsprings,
                    n_max_iterations=1,
                    algorithm=self,
                    random_state=self.random_state,
                )
            else:
                fresh = Population.new("X", self.space.sample(self.n_offsprings, self.random_state))
            fresh = self.eliminate_duplicates.do(fresh, self.pop, offspring)
            mating = mating and len(fresh) > 0
            if self.accept is not None and len(fresh):
                fresh = fresh[self.accept(np.stack(fresh.get("X")))]
            offspring = Population.merge(offspring, fresh[:missing])
            if len(offspring) == self.n_offsprings:
                break
        if not len(offspring):
            self.termination.force_termination = True
            return None
        return offspring
