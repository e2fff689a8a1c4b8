"""HD-DUAAS without one of its parts, as algorithms that `coernas compare` can name; see results/search-study.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population

from coernas_moo.evaluation.table import TableCosts, TableEvaluator
from coernas_moo.search import fused_surrogate, screening
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.hd_duaas import HDDUAAS
from coernas_moo.search.knowledge import ArchiveKnowledge
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.presets import Preset
from coernas_moo.search.problem import SearchProblem
from coernas_moo.search.screening import Knowledge, Screening, Surrogates
from coernas_moo.search.surrogate import Encoded, Surrogate
from coernas_moo.spaces import SearchSpace


class CostsUnknown(ArchiveKnowledge):
    """Every objective has to be predicted."""

    def costs(self, canonical: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.full_like(super().costs(canonical), np.nan)


class PlainCodes(ArchiveKnowledge):
    """Genotypes are compared as they are, whatever function they build."""

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        space = self._problem.space
        parts = self._problem.forms.parts(canonical)
        return Encoded(canonical, space.cardinalities, list(space.slices.values()), parts)


class WithoutParts(ArchiveKnowledge):
    """Paths are not compared."""

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        space = self._problem.space
        return Encoded(space.function_rows(canonical), space.cardinalities, list(space.slices.values()))


def single(space: SearchSpace) -> list[slice]:
    """Each gene as a segment of its own."""
    return [slice(gene, gene + 1) for gene in range(len(space.genes))]


class WithoutCounts(ArchiveKnowledge):
    """Genes, and paths, are compared one by one: each gene is a segment of its own."""

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        space = self._problem.space
        functions = space.function_rows(canonical)
        return Encoded(functions, space.cardinalities, single(space), self._problem.forms.parts(functions))


class GenesOnly(ArchiveKnowledge):
    """Neither counts nor paths."""

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        space = self._problem.space
        return Encoded(space.function_rows(canonical), space.cardinalities, single(space))


class ArchiveParents(HDDUAAS):
    """Parents are the population and what it has lost of the archive's front, ranked together."""

    def _mated(self, n: int) -> NDArray[np.int64]:
        assert self.knowledge is not None
        population = self.pop
        genotypes, values = self.knowledge.evaluated()
        front = non_dominated(values)
        lost = Population.new("X", genotypes[front], "F", values[front])
        lost.set("G", np.zeros((len(lost), self.problem.n_ieq_constr)))
        lost = self.eliminate_duplicates.do(lost, population, to_itself=False)
        together = Population.merge(population, lost)
        self.pop = self.survival.do(self.problem, together, n_survive=len(together), random_state=self.random_state)
        try:
            return super()._mated(n)
        finally:
            self.pop = population


class Overlapping(TableEvaluator):
    """A table that says what workers say: the next batch may be begun while one is in work."""

    overlaps = True


class Refitted(HDDUAAS):
    """The surrogate is fitted anew for every batch."""

    def _screened(self, knowledge: Knowledge) -> NDArray[np.int64]:
        self.surrogates = Surrogates()
        return super()._screened(knowledge)


class BoundedSurrogate(Surrogate):
    """Nothing is predicted to be better than the best seen."""

    def optimistic(self, candidates: Encoded, deviations: Sequence[float]) -> NDArray[np.float64]:
        return np.maximum(super().optimistic(candidates, deviations), self.values[0][:, None, None])


class Bounded(HDDUAAS):
    """Screening by `BoundedSurrogate`."""

    def _screened(self, knowledge: Knowledge) -> NDArray[np.int64]:
        with (
            patch.object(screening, "Surrogate", BoundedSurrogate),
            patch.object(fused_surrogate, "Surrogate", BoundedSurrogate),
        ):
            return super()._screened(knowledge)


class ScoreAsAWhole(ArchiveKnowledge):
    """The score is predicted like any other objective, not proxy by proxy."""

    def readings(self) -> None:
        """Not told."""


class KnowledgeBefore(ScoreAsAWhole, WithoutParts):
    """Neither proxies nor paths."""


class UniformStart(HDDUAAS):
    """The first population is uniform."""

    def _initialize_infill(self) -> Population:
        return Population.new("X", self.space.sample(self.pop_size, self.random_state))


def variant(name: str, make: Callable[[SearchProblem, Preset], HDDUAAS]) -> None:
    ALGORITHMS.add(name, make)


def full(
    problem: SearchProblem,
    preset: Preset,
    kind: type[HDDUAAS] = HDDUAAS,
    knowledge: type[ArchiveKnowledge] | None = ArchiveKnowledge,
    **settings: Any,
) -> HDDUAAS:
    return kind(
        problem.space,
        preset,
        problem.accept,
        problem.is_known,
        problem.repair,
        None if knowledge is None else knowledge(problem),
        Screening(**settings),
        problem.forms,
    )


def with_mutation(problem: SearchProblem, preset: Preset, knowledge: bool = True, **options: Any) -> HDDUAAS:
    algorithm = full(problem, preset, knowledge=ArchiveKnowledge if knowledge else None)
    default = options.pop("default", max(preset.mutation["conv"], 1.0 / len(problem.space.genes)))
    algorithm.mating.mutation = AdaptiveMutation(problem.space, preset.mutation, default, **options)
    return algorithm


def with_crossover(problem: SearchProblem, preset: Preset, probability: float, knowledge: bool = True) -> HDDUAAS:
    algorithm = full(problem, preset, knowledge=ArchiveKnowledge if knowledge else None)
    algorithm.mating.crossover = SegmentCrossover(problem.space, default=probability)
    return algorithm


def forgetful(problem: SearchProblem, preset: Preset) -> HDDUAAS:
    algorithm = full(problem, preset, knowledge=None)
    algorithm.eliminate_duplicates = CanonicalDuplicates(problem.space, forms=problem.forms)
    return algorithm


def asked_ahead(problem: SearchProblem, preset: Preset, **screening: Any) -> HDDUAAS:
    """The next batch is asked for before the last one is told, as where networks are built."""
    assert isinstance(problem.evaluator.costs, TableCosts)
    problem.evaluator = Overlapping(problem.evaluator.costs)
    return full(problem, preset, **screening)


class StallingMutation(AdaptiveMutation):
    """The rate rises by as much again, at most to fourfold, for every generation in which no newborn survives."""

    def __init__(self, algorithm: HDDUAAS, space: SearchSpace, preset: Preset) -> None:
        self.algorithm = algorithm
        super().__init__(space, preset.mutation, max(preset.mutation["conv"], 1.0 / len(space.genes)))
        self.calm_rates: NDArray[np.float64] = self.rates

    def mutate(self, genotypes: NDArray[Any], qualities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
        born = [individual.data["n_gen"] for individual in self.algorithm.pop if "n_gen" in individual.data]
        youngest = max(born, default=self.algorithm.n_iter - 1)
        self.rates = self.calm_rates * min(4, self.algorithm.n_iter - youngest)
        return super().mutate(genotypes, qualities, rng)


def stalling(algorithm: HDDUAAS, problem: SearchProblem, preset: Preset) -> HDDUAAS:
    algorithm.mating.mutation = StallingMutation(algorithm, problem.space, preset)
    return algorithm


FIXED: dict[str, Any] = {"calm": 1.0, "wild": 1.0}

variant("costs-unknown", lambda p, s: full(p, s, knowledge=CostsUnknown))
variant("plain-codes", lambda p, s: full(p, s, knowledge=PlainCodes))
variant("without-counts", lambda p, s: full(p, s, knowledge=WithoutCounts))
variant("genes-only", lambda p, s: full(p, s, knowledge=GenesOnly))
variant("refitted", lambda p, s: full(p, s, kind=Refitted))
variant("no-optimism", lambda p, s: full(p, s, deviations=(0.0,)))
variant("less-optimism", lambda p, s: full(p, s, deviations=(0.0, 0.5, 1.0)))
variant("more-optimism", lambda p, s: full(p, s, deviations=(0.0, 1.0, 2.0, 3.0)))
variant("bounded", lambda p, s: full(p, s, kind=Bounded))
variant("without-parts", lambda p, s: full(p, s, knowledge=WithoutParts))
variant("score-as-a-whole", lambda p, s: full(p, s, knowledge=ScoreAsAWhole))
variant("before", lambda p, s: full(p, s, Bounded, KnowledgeBefore, candidates=12, deviations=(0.0, 0.5, 1.0)))
variant("reference-0.1", lambda p, s: full(p, s, beyond=0.1))
variant("reference-1.2", lambda p, s: full(p, s, beyond=1.2))
variant("candidates-12", lambda p, s: full(p, s, candidates=12))
variant("candidates-72", lambda p, s: full(p, s, candidates=72))
variant("no-uniform", lambda p, s: full(p, s, uniform=0.0))
variant("half-uniform", lambda p, s: full(p, s, uniform=0.5))
variant("one-batch", lambda p, s: full(p, s, batches=1))
variant("ten-batches", lambda p, s: full(p, s, batches=10))
variant("ahead", asked_ahead)
variant("ten-batches-ahead", lambda p, s: asked_ahead(p, s, batches=10))
variant("fixed-mutation", lambda p, s: with_mutation(p, s, **FIXED))
variant("stalling", lambda p, s: stalling(full(p, s), p, s))
variant("stalling-ahead", lambda p, s: stalling(asked_ahead(p, s), p, s))
variant("rate-of-conv", lambda p, s: with_mutation(p, s, default=s.mutation["conv"]))
variant("no-crossover", lambda p, s: with_crossover(p, s, 0.0))
variant("uniform-start", lambda p, s: full(p, s, kind=UniformStart))
variant("archive-parents", lambda p, s: full(p, s, kind=ArchiveParents))
variant("plain-fixed-mutation", lambda p, s: with_mutation(p, s, knowledge=False, **FIXED))
variant("plain-stalling", lambda p, s: stalling(full(p, s, knowledge=None), p, s))
variant("plain-uniform-start", lambda p, s: full(p, s, kind=UniformStart, knowledge=None))
variant("plain-rate-of-conv", lambda p, s: with_mutation(p, s, knowledge=False, default=s.mutation["conv"]))
variant("plain-no-crossover", lambda p, s: with_crossover(p, s, 0.0, knowledge=False))
variant("plain-forgetful", forgetful)
