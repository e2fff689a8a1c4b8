"""Algorithms of others, at their best: pymoo's, with categorical or with real-coded operators, and ageing evolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo.moead import MOEAD
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.moo.sms import SMSEMOA
from pymoo.core.algorithm import Algorithm
from pymoo.core.individual import Individual
from pymoo.core.mixed import ChoiceRandomMutation, MixedVariableGA, MixedVariableMating
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.variable import Choice
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.util.ref_dirs import get_reference_directions
from scipy.optimize import linear_sum_assignment

from coernas_moo.errors import CoernasError
from coernas_moo.search.archive import WORST
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.presets import Preset
from coernas_moo.search.sampling import BalancedSampling
from coernas_moo.search.selection import Tournament
from coernas_moo.spaces import SearchSpace

if TYPE_CHECKING:
    from coernas_moo.search.problem import SearchProblem

SAMPLE = 10
"""Members of a tournament of ageing evolution, for a population of 50 and more (Real et al. 2019 take a quarter)."""

TRIES = 200


def one_gene(space: SearchSpace) -> AdaptiveMutation:
    """Categorical mutation at the constant rate of one gene an offspring."""
    return AdaptiveMutation(space, default=1.0 / len(space.genes), calm=1.0, wild=1.0)


def categorical(problem: SearchProblem) -> dict[str, Any]:
    """Uniform crossover and categorical mutation."""
    return {"crossover": UX(prob=0.9), "mutation": one_gene(problem.space)}


def real_coded() -> dict[str, Any]:
    """Simulated binary crossover and polynomial mutation, rounded (Deb et al. 2002)."""
    return {
        "crossover": SBX(prob=0.9, eta=15, vtype=float, repair=RoundingRepair()),
        "mutation": PM(eta=20, vtype=float, repair=RoundingRepair()),
    }


TWO_OBJECTIVES = ("moead", "sms-emoa")
"""Algorithms that take two objectives at least."""


def require_objectives(name: str, objectives: int) -> None:
    """Check that an algorithm takes so few objectives.

    Raises:
        CoernasError: it takes more.
    """
    if name in TWO_OBJECTIVES and objectives < 2:
        raise CoernasError(f"{name} takes two objectives at least; take another algorithm")


def common(problem: SearchProblem, preset: Preset) -> dict[str, Any]:
    """Population, first population and duplicates, the same for all."""
    return {
        "pop_size": preset.population,
        "sampling": BalancedSampling(problem.space, problem.accept, problem.repair),
        "eliminate_duplicates": CanonicalDuplicates(problem.space, problem.is_known, problem.forms),
    }


def nsga2(problem: SearchProblem, preset: Preset) -> Algorithm:
    """pymoo's NSGA-II with categorical operators."""
    return NSGA2(**common(problem, preset), **categorical(problem))


def nsga2_sbx(problem: SearchProblem, preset: Preset) -> Algorithm:
    """pymoo's NSGA-II with real-coded operators and rounding."""
    return NSGA2(**common(problem, preset), **real_coded())


def sms_emoa(problem: SearchProblem, preset: Preset) -> Algorithm:
    """pymoo's SMS-EMOA with categorical operators (Beume et al. 2007); raises `CoernasError` for a single objective."""
    require_objectives("sms-emoa", problem.n_obj)
    return SMSEMOA(**common(problem, preset), **categorical(problem), n_offsprings=max(1, preset.population // 5))


def moead(problem: SearchProblem, preset: Preset) -> Algorithm:
    """pymoo's MOEA/D with categorical operators (Zhang & Li 2007); raises `CoernasError` for a single objective."""
    require_objectives("moead", problem.n_obj)
    return Decomposition(problem, preset)


def mixed_ga(problem: SearchProblem, preset: Preset) -> Algorithm:
    """pymoo's mixed-variable genetic algorithm with survival by rank and crowding, one gene mutated an offspring."""
    return MixedVariable(problem, preset)


def regularized_evolution(problem: SearchProblem, preset: Preset) -> Algorithm:
    """Ageing evolution with tournaments by front and crowding."""
    return AgeingEvolution(problem, preset)


class Decomposition(MOEAD):  # type: ignore[misc]
    """MOEA/D, a population of as many members as there are reference directions, one new network at a time.

    The first population is that of all algorithms; of three and more objectives there may be fewer directions than it
    has members, and each takes one that suits it, the sum of their values least.

    Objectives are scaled from the ideal, 0, to the population's median, 1: unscaled, the one with the largest numbers
    would decide (Zhang & Li 2007, section V-C); scaled by the nadir, the front's worst ends would. Offspring that the
    archive knows take their values from it; those over a closed-form limit are worse than all.
    """

    def __init__(self, problem: SearchProblem, preset: Preset) -> None:
        directions = _directions(problem.n_obj, preset.population)
        super().__init__(
            directions,
            n_neighbors=min(20, len(directions)),
            sampling=BalancedSampling(problem.space, problem.accept, problem.repair),
            **categorical(problem),
        )
        self.search_problem = problem
        self.first_population = preset.population
        self.ideal = np.zeros(problem.n_obj)
        self._span = np.ones(problem.n_obj)
        self.ref_dirs: NDArray[np.float64]

    def _initialize_infill(self) -> Population:
        return self.initialization.do(
            self.problem, self.first_population, algorithm=self, random_state=self.random_state
        )

    def _initialize_advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        if infills is not None and len(infills) > len(self.ref_dirs):
            self._set_scale(infills.get("F"))
            scaled = (infills.get("F") - self.ideal) / self._span
            values = self.decomposition.do(scaled, weights=self.ref_dirs, _type="many_to_many")
            infills = infills[linear_sum_assignment(values.T)[1]]
            self.pop = infills
        # Where limits leave too few networks to begin with, as many directions as there are members.
        if infills is not None and len(infills) < len(self.ref_dirs):
            chosen = np.linspace(0, len(self.ref_dirs) - 1, len(infills)).round().astype(int)
            self.ref_dirs = self.ref_dirs[chosen]
            self.pop_size = len(chosen)
            distances = np.linalg.norm(self.ref_dirs[:, None] - self.ref_dirs[None], axis=-1)
            self.neighbors = np.argsort(distances, axis=1, kind="stable")[:, : self.n_neighbors]
        super()._initialize_advance(infills, **kwargs)

    def _infill(self) -> Population | None:
        if self.pop_size < 2:
            # Two parents would be needed: a single network is all that there is.
            self.termination.force_termination = True
            return None
        self._set_scale(self.pop.get("F"))
        for _ in range(TRIES * self.pop_size):
            if self.state is None:
                super()._advance()
                continue
            offspring = Population.create(self.state)
            codes = np.rint(offspring.get("X").astype(float)).astype(np.int64)
            if not self.search_problem.accept(codes)[0]:
                offspring.set("F", np.full((1, self.search_problem.n_obj), WORST))
            elif self.search_problem.is_known(self.search_problem.space.canonical(codes[0])):
                self.search_problem.assign(offspring)
            else:
                return offspring
            self._advance(offspring)
        self.termination.force_termination = True
        return None

    def _set_scale(self, values: NDArray[np.float64]) -> None:
        """Ideal and span of the scale, from values (n, objectives)."""
        # Candidates that failed have a value, but no place on the scale.
        values = values[(values < WORST).all(axis=1)]
        if len(values):
            self.ideal = values.min(axis=0)
            middle = np.median(values, axis=0) - self.ideal
            self._span = np.where(middle > 0, middle, 1.0)

    def _advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        super()._advance(None if infills is None else infills[0], **kwargs)

    def _replace(self, k: int, off: Individual) -> None:
        neighbours = self.neighbors[k]
        weights = self.ref_dirs[neighbours]
        now = self.decomposition.do((self.pop[neighbours].get("F") - self.ideal) / self._span, weights=weights)
        then = self.decomposition.do(((off.F - self.ideal) / self._span)[None, :], weights=weights)
        self.pop[neighbours[np.flatnonzero(then < now)]] = off

    def _setup(self, problem: Problem, **kwargs: Any) -> None:
        # pymoo refuses problems with constraints, and ours always has one, for candidates that fail.
        class _Unconstrained:
            n_obj = problem.n_obj

            @staticmethod
            def has_constraints() -> bool:
                return False

        super()._setup(_Unconstrained(), **kwargs)


def _directions(objectives: int, most: int) -> Any:
    """The finest simplex lattice of at most `most` directions."""
    partitions = 1
    while len(get_reference_directions("das-dennis", objectives, n_partitions=partitions + 1)) <= most:
        partitions += 1
    return get_reference_directions("das-dennis", objectives, n_partitions=partitions)


class MixedVariable(MixedVariableGA):  # type: ignore[misc]
    """pymoo's operators for `Choice` variables, on the genotype matrix."""

    def __init__(self, problem: SearchProblem, preset: Preset) -> None:
        shared = common(problem, preset)
        mating = MixedVariableMating(
            crossover={Choice: UX()},
            mutation={Choice: ChoiceRandomMutation(prob_var=1.0 / problem.n_var)},
            eliminate_duplicates=shared["eliminate_duplicates"],
        )
        super().__init__(**shared, survival=RankAndCrowding(), mating=_OnMatrix(mating, problem.space))


class _OnMatrix:
    """Mating of individuals whose X are dictionaries, for a population whose X are vectors."""

    def __init__(self, mating: MixedVariableMating, space: SearchSpace) -> None:
        self.mating, self.space = mating, space

    def do(self, problem: Problem, pop: Population, n_offsprings: int, random_state: Any, **kwargs: Any) -> Population:
        genes = self.space.genes
        named = pop.copy(deep=False) if len(pop) == 0 else Population.create(*(member.copy() for member in pop))
        for member in named:
            member.X = dict(zip(genes, np.rint(member.X).astype(int).tolist(), strict=True))
        found = Population.create()
        for _ in range(TRIES):
            pairs = self.mating._do(problem, named, n_offsprings, random_state=random_state)
            codes = np.array([[int(member.X[gene]) for gene in genes] for member in pairs], dtype=np.int64)
            fresh = self.mating.eliminate_duplicates.do(Population.new("X", codes), pop, found)
            found = Population.merge(found, fresh)[:n_offsprings]
            if len(found) == n_offsprings:
                break
        return found


class AgeingEvolution(Algorithm):  # type: ignore[misc]
    """The oldest dies (Real et al. 2019): a mutated tournament winner joins, and the front is read from the archive.

    With several objectives a tournament goes by non-dominated front, then crowding. A fifth of a population is
    asked for at once.
    """

    def __init__(self, problem: SearchProblem, preset: Preset) -> None:
        super().__init__()
        self.size = preset.population
        self.shared = common(problem, preset)
        self.tournament = Tournament(min(SAMPLE, max(2, preset.population // 4)))
        self.mutation = one_gene(problem.space)
        self.accept = problem.accept

    def _initialize_infill(self) -> Population:
        return self.shared["sampling"](self.problem, self.size, random_state=self.random_state)

    def _infill(self) -> Population | None:
        wanted, found = max(1, self.size // 5), Population.create()
        ranked = RankAndCrowding().do(self.problem, self.pop, n_survive=self.size, random_state=self.random_state)
        for _ in range(TRIES):
            parents = self.tournament.do(self.problem, ranked, wanted, 1, to_pop=False, random_state=self.random_state)[
                :, 0
            ]
            children = Population.new("X", np.stack(ranked[parents].get("X")).copy())
            children = self.mutation.do(self.problem, children, random_state=self.random_state)
            children = self.shared["eliminate_duplicates"].do(children, self.pop, found)
            if len(children):
                children = children[self.accept(np.stack(children.get("X")).astype(np.int64))]
            found = Population.merge(found, children)[:wanted]
            if len(found) == wanted:
                break
        if not len(found):
            self.termination.force_termination = True
            return None
        return found

    def _initialize_advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        self.pop = infills

    def _advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        everybody = Population.merge(self.pop, infills)
        self.pop = everybody[-self.size :]
