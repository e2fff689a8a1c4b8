"""HD-DUAAS: the genetic algorithm of the method, as a pymoo algorithm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.soo.nonconvex.ga import FitnessSurvival
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.duplicates import CanonicalDuplicates, keys
from coernas_moo.search.forms import Forms
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.presets import PRESETS, Preset
from coernas_moo.search.quality import quality
from coernas_moo.search.sampling import Accept, BalancedSampling, Repair
from coernas_moo.search.screening import DEFAULT, Knowledge, Screening, Surrogates, screen
from coernas_moo.search.selection import Tournament
from coernas_moo.spaces import Genotype, SearchSpace

SPARE = 1.3
"""Offspring mated for each that is needed."""

FILL_ROUNDS = 20
"""Rounds of mating, or of uniform sampling where one found nothing, in which a generation's offspring are found."""


class HDDUAAS(GeneticAlgorithm):  # type: ignore[misc]
    """High-dimensional decoupled unit-adaptive architecture search.

    Tournament selection, one crossover a segment, adaptive mutation, no canonical genotype twice in a run. One
    objective: elitist (mu + lambda) survival; several: non-dominated rank, then crowding (Deb et al. 2002). Segments
    that the preset does not name mutate at `conv`'s rate, or one gene an offspring where that is more (Muehlenbein
    1992). When mating finds nothing new, uniform samples fill up, brought within the limits at last; when none is new
    either, the algorithm ends.

    Where it has `knowledge`, mating and a share of uniform samples propose many more candidates than are evaluated:
    `screen` takes those that promise to push the front out most, by their closed-form costs and by what the archive
    lets expect of the other objectives. A generation is then asked for in several batches (`left` is what is still to
    be asked for), and a batch may be asked for before the last one is told.

    The publication (COER-NAS 2026) names the parts and the presets; screening and the formulas of the adaptation
    are ours.

    Args:
        space: the search space, whose genes are the problem's variables.
        preset: sizes and base rates.
        accept: which genotypes may be tried at all (closed-form limits); all by default.
        known: whether a canonical genotype was evaluated before; by default those in the population only.
        repair: brings a genotype of the first population within the limits; none by default.
        knowledge: what offspring are screened by; without it all are evaluated.
        screening: how they are screened.
        forms: of the space, where others use them too.

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
        knowledge: Knowledge | None = None,
        screening: Screening = DEFAULT,
        forms: Forms | None = None,
    ) -> None:
        self.space = space
        self.forms = Forms(space) if forms is None else forms
        self.accept = accept
        self.knowledge = knowledge
        self.screening = screening
        self.left = 0
        self.looks_ahead = knowledge is not None
        self.asked: list[Population] = []
        self.surrogates = Surrogates()
        self.sampling = BalancedSampling(space, accept, repair)
        conv = preset.mutation["conv"]
        super().__init__(
            pop_size=preset.population,
            sampling=self.sampling,
            selection=Tournament(preset.tournament),
            crossover=SegmentCrossover(space, preset.crossover, preset.crossover["conv"]),
            mutation=AdaptiveMutation(space, preset.mutation, max(conv, 1.0 / len(space.genes))),
            eliminate_duplicates=CanonicalDuplicates(space, known, self.forms),
            advance_after_initial_infill=True,
        )

    def _setup(self, problem: Problem, **kwargs: object) -> None:
        self.survival = FitnessSurvival() if problem.n_obj == 1 else RankAndCrowding()

    def _infill(self) -> Population | None:
        if self.knowledge is None:
            offspring = self._filled()
        else:
            self.left = self.left if self.left > 0 else self.pop_size
            self.n_offsprings = min(self.left, -(-self.pop_size // self.screening.batches))
            self.left -= self.n_offsprings
            offspring = self._screened(self.knowledge)
        if not len(offspring):
            self.termination.force_termination = True
            return None
        self.asked.append(Population.new("X", offspring))
        return self.asked[-1]

    def _advance(self, infills: Population | None = None, **kwargs: object) -> None:
        self.asked = [population for population in self.asked if population is not infills]
        super()._advance(infills, **kwargs)

    def _screened(self, knowledge: Knowledge) -> NDArray[np.int64]:
        many = self.screening.candidates * self.n_offsprings
        uniform = round(self.screening.uniform * many)
        candidates = np.concatenate([self._mated(many - uniform), self.space.sample(uniform, self.random_state)])
        candidates, canonical = self._usable(candidates, self._there())
        if len(candidates) < self.n_offsprings:
            return self._filled(candidates)
        chosen = screen(canonical, self.n_offsprings, knowledge, self.random_state, self.screening, self.surrogates)
        return candidates[chosen]

    def _filled(self, offspring: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """A generation of offspring without screening, beginning with those that are there already."""
        there, mating = self._there(), True
        offspring = there[:0] if offspring is None else offspring
        for _ in range(FILL_ROUNDS):
            missing = self.n_offsprings - len(offspring)
            # A whole batch costs hardly more than the few that are missing, a second one as much as the first:
            # so a few more than needed, since some are duplicates as a rule.
            if mating:
                fresh = self._mated(round(SPARE * self.pop_size))
            else:
                fresh = self.space.sample(self.pop_size, self.random_state)
            found, _ = self._usable(fresh, np.concatenate([there, offspring]))
            mating = mating if len(found) else not mating
            offspring = np.concatenate([offspring, found[:missing]])
            if len(offspring) == self.n_offsprings:
                break
        if not len(offspring):
            # Where limits leave hardly anything, samples are brought within them.
            fresh = self.sampling(self.problem, self.n_offsprings, random_state=self.random_state).get("X")
            offspring, _ = self._usable(fresh, there)
        return offspring

    def _mated(self, n: int) -> NDArray[np.int64]:
        """Offspring (n, genes): what pymoo's mating does with individuals, done with codes, of which few are kept."""
        rng, crossover, mutation = self.random_state, self.mating.crossover, self.mating.mutation
        pairs = self.mating.selection.do(self.problem, self.pop, -(-n // 2), 2, to_pop=False, random_state=rng)
        crossed = crossover.cross(self.pop.get("X")[pairs], rng)
        qualities = np.tile(quality(self.pop)[pairs].mean(axis=1), 2)
        mutants: NDArray[np.int64] = mutation.mutate(crossed, qualities, rng)[:n]
        return mutants

    def _there(self) -> NDArray[np.int64]:
        """Genotypes of the population and of what is in work."""
        genotypes: NDArray[np.int64] = Population.merge(self.pop, *self.asked, Population.create()).get("X")
        return genotypes

    def _usable(
        self, fresh: NDArray[np.int64], there: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those that are new to the run and to those that are there, and may be tried; and their canonical forms."""
        canonical = self.forms.canonical_rows(fresh)
        usable = self.eliminate_duplicates.new(canonical, keys(self.forms.canonical_rows(there)))
        if self.accept is not None:
            usable[usable] = self.accept(fresh[usable])
        return fresh[usable], canonical[usable]
