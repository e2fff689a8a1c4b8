"""The algorithms a problem file can name, made for a problem and its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population

from coernas_moo.errors import CoernasError
from coernas_moo.registry import Registry
from coernas_moo.search import baselines
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.hd_duaas import FILL_ROUNDS, HDDUAAS
from coernas_moo.search.knowledge import ArchiveKnowledge
from coernas_moo.search.presets import Preset
from coernas_moo.search.sampling import BalancedSampling

if TYPE_CHECKING:
    from coernas_moo.search.problem import SearchProblem

AlgorithmFactory = Callable[["SearchProblem", Preset], Algorithm]

ALGORITHMS: Registry[AlgorithmFactory] = Registry("algorithm", "coernas_moo.algorithms")
"""Factories by the name that `search.algorithm` gives."""


def make_algorithm(name: str, problem: SearchProblem, preset: Preset) -> Algorithm:
    """The algorithm that a name stands for, made for a problem and its settings.

    Raises:
        CoernasError: there is none of that name, or its factory fails.
    """
    factory = ALGORITHMS[name]
    try:
        algorithm = factory(problem, preset)
    except CoernasError:
        raise
    except Exception as error:
        raise CoernasError(f"algorithm {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(algorithm, Algorithm):
        raise CoernasError(f"algorithm {name!r}: its factory returned no pymoo Algorithm but {algorithm!r}")
    return algorithm


@ALGORITHMS.register("hd-duaas")
def hd_duaas(problem: SearchProblem, preset: Preset) -> Algorithm:
    """The method's own algorithm, its offspring screened by closed-form costs and a surrogate of the archive."""
    return HDDUAAS(
        problem.space,
        preset,
        problem.accept,
        problem.is_known,
        problem.repair,
        ArchiveKnowledge(problem),
        forms=problem.forms,
    )


@ALGORITHMS.register("hd-duaas-plain")
def hd_duaas_plain(problem: SearchProblem, preset: Preset) -> Algorithm:
    """The same without screening: all offspring are evaluated, as the publication has it."""
    return HDDUAAS(problem.space, preset, problem.accept, problem.is_known, problem.repair, forms=problem.forms)


for _name, _factory in {
    "nsga2": baselines.nsga2,
    "nsga2-sbx": baselines.nsga2_sbx,
    "regularized-evolution": baselines.regularized_evolution,
    "sms-emoa": baselines.sms_emoa,
    "moead": baselines.moead,
    "mixed-ga": baselines.mixed_ga,
}.items():
    ALGORITHMS.add(_name, _factory)


@ALGORITHMS.register("random")
def random_search(problem: SearchProblem, preset: Preset) -> Algorithm:
    """Uniform random search, no canonical genotype twice."""
    return RandomSearch(problem, preset.population)


class RandomSearch(Algorithm):  # type: ignore[misc]
    """A batch of new uniform samples a generation; the population is the last batch, the archive keeps the rest."""

    def __init__(self, problem: SearchProblem, batch: int) -> None:
        super().__init__()
        self.sampling = BalancedSampling(problem.space, problem.accept, problem.repair)
        self.accept = problem.accept
        self.duplicates = CanonicalDuplicates(problem.space, problem.is_known, problem.forms)
        self.batch = batch

    def _initialize_infill(self) -> Population:
        return self.sampling(self.problem, self.batch, random_state=self.random_state)

    def _infill(self) -> Population | None:
        fresh = Population.create()
        for _ in range(FILL_ROUNDS):
            sampled = self.sampling.space.sample(self.batch, self.random_state)
            new = self.duplicates.do(Population.new("X", sampled[self.accept(sampled)]), fresh)
            fresh = Population.merge(fresh, new)[: self.batch]
            if len(fresh) == self.batch:
                break
        if not len(fresh):
            # Where limits leave hardly anything, samples are brought within them.
            fresh = self.duplicates.do(self.sampling(self.problem, self.batch, random_state=self.random_state))
        if not len(fresh):
            self.termination.force_termination = True
            return None
        return fresh

    def _advance(self, infills: Population | None = None, **kwargs: object) -> None:
        self.pop = infills
