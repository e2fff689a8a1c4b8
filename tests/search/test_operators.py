from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.crossover import Crossover
from pymoo.core.individual import Individual
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.variable import Real
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.optimize import minimize
from pymoo.problems.functional import FunctionalProblem

from coernas_moo.networks.layers import Shape
from coernas_moo.search.crossover import SegmentCrossover, _exchanged
from coernas_moo.search.duplicates import CanonicalDuplicates, keys
from coernas_moo.search.forms import Forms
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.quality import quality
from coernas_moo.search.sampling import BalancedSampling
from coernas_moo.search.selection import Tournament
from coernas_moo.spaces import NASBench201, SearchSpace, SeparableSettings
from coernas_moo.spaces.segment import Segment
from coernas_moo.testing.operators import bounds_only

SPACE = SeparableSettings(stages=3).build(Shape(3, 16, 16), 10)
ZEROS, ONES = np.zeros((500, len(SPACE.genes)), dtype=np.int64), np.ones((500, len(SPACE.genes)), dtype=np.int64)


def crossed(seed: int = 0, **options: Any) -> NDArray[np.int64]:
    """First offspring of parents of zeros and of ones: which genes were exchanged."""
    operator = SegmentCrossover(SPACE, **options)
    swapped: NDArray[np.int64] = operator._do(
        bounds_only(SPACE), np.stack([ZEROS, ONES]), random_state=np.random.default_rng(seed)
    )[0]
    return swapped


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_two_point_exchanges_one_run_of_a_ring(genes: int, seed: int) -> None:
    segment = Segment("s", tuple(f"g{i}" for i in range(genes)), ("a", "b"), "two-point")
    for mask in _exchanged(segment, 20, np.random.default_rng(seed)):
        assert 0 < mask.sum() < genes
        assert np.abs(np.diff(np.append(mask, mask[0]).astype(int))).sum() == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_single_point_exchanges_the_end(genes: int, seed: int) -> None:
    segment = Segment("s", tuple(f"g{i}" for i in range(genes)), ("a", "b"), "single-point")
    for mask in _exchanged(segment, 20, np.random.default_rng(seed)):
        assert 0 < mask.sum() < genes
        assert np.array_equal(mask, np.sort(mask))


def test_every_gene_is_exchanged_equally_often_by_two_points() -> None:
    segment = Segment("s", tuple("abcdef"), ("x", "y"), "two-point")
    often = _exchanged(segment, 20_000, np.random.default_rng(0)).mean(axis=0)
    assert np.abs(often - 0.5).max() < 0.02


def test_segments_are_exchanged_with_their_own_probability() -> None:
    swapped = crossed(prob={"conv": 1.0, "pool": 0.0, "depth": 0.5})
    touched = {name: swapped[:, part].any(axis=1).mean() for name, part in SPACE.slices.items()}
    assert touched["conv"] == 1.0
    assert touched["pool"] == 0.0
    assert touched["depth"] == pytest.approx(0.5, abs=0.08)


def test_probability_zero_changes_nothing() -> None:
    assert not crossed(default=0.0).any()
    mutated = AdaptiveMutation(SPACE, default=0.0)._do(
        None, ONES, random_state=np.random.default_rng(0), qualities=np.zeros(500)
    )
    assert np.array_equal(mutated, ONES)


def mutation_rate(qualities: float, **options: Any) -> float:
    operator = AdaptiveMutation(SPACE, default=0.05, **options)
    genotypes = SPACE.sample(3000, np.random.default_rng(0))
    mutated = operator._do(None, genotypes, random_state=np.random.default_rng(1), qualities=np.full(3000, qualities))
    assert (mutated < SPACE.cardinalities).all()
    return float((mutated != genotypes).mean())


def test_good_members_are_let_be_and_weak_ones_stirred() -> None:
    assert mutation_rate(0.5) == pytest.approx(0.05, rel=0.05)
    assert mutation_rate(1.0) == pytest.approx(0.025, rel=0.1)
    assert mutation_rate(0.0) == pytest.approx(0.10, rel=0.05)
    assert mutation_rate(0.0, calm=1.0, wild=1.0) == pytest.approx(0.05, rel=0.05)


def test_no_rate_exceeds_one_half() -> None:
    operator = AdaptiveMutation(SPACE, default=0.4)
    mutated = operator._do(None, ZEROS, random_state=np.random.default_rng(1), qualities=np.zeros(500))
    assert (mutated != 0).mean() == pytest.approx(0.5, abs=0.02)


def test_rates_go_by_segment() -> None:
    operator = AdaptiveMutation(SPACE, {"conv": 0.3, "pool": 0.0}, default=0.1)
    mutated = operator._do(None, ZEROS, random_state=np.random.default_rng(1), qualities=np.full(500, 0.5)) != 0
    rates = {name: mutated[:, part].mean() for name, part in SPACE.slices.items()}
    assert rates["conv"] == pytest.approx(0.3, abs=0.03)
    assert rates["pool"] == 0.0
    assert rates["depth"] == pytest.approx(0.1, abs=0.03)


def test_offspring_carry_the_mean_quality_of_their_parents() -> None:
    members = Population.new(
        "X", SPACE.sample(4, np.random.default_rng(0)), "F", np.array([[0.0], [1.0], [2.0], [3.0]])
    )
    members.set("CV", np.zeros((4, 1)))
    assert quality(members).tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    offspring = SegmentCrossover(SPACE).do(
        bounds_only(SPACE),
        members,
        np.array([[0, 1], [2, 3]]),
        algorithm=SimpleNamespace(pop=members),
        random_state=np.random.default_rng(0),
    )
    assert offspring.get("quality").tolist() == pytest.approx([5 / 6, 1 / 6, 5 / 6, 1 / 6])


@pytest.mark.parametrize("prob", [0.0, 0.6, 1.0])
def test_the_operators_draw_and_answer_as_pymoos_own_steps_do(prob: float) -> None:
    crossover, mutation = SegmentCrossover(SPACE), AdaptiveMutation(SPACE)
    crossover.prob = mutation.prob = Real(prob)
    members, problem = Population.new("X", SPACE.sample(30, np.random.default_rng(0))), bounds_only(SPACE)
    parents = np.random.default_rng(1).integers(0, 30, size=(25, 2))
    ours, theirs = np.random.default_rng(2), np.random.default_rng(2)
    offspring = crossover.do(problem, members, parents, random_state=ours)
    expected = Crossover.do(crossover, problem, members, parents, random_state=theirs)
    assert np.array_equal(offspring.get("X"), expected.get("X"))
    halves = np.full(50, 0.5)
    mutants = mutation.do(problem, offspring, inplace=False, random_state=ours)
    assert np.array_equal(offspring.get("X"), expected.get("X"))
    Mutation.do(mutation, problem, expected, random_state=theirs, qualities=halves)
    assert np.array_equal(mutants.get("X"), expected.get("X"))
    assert np.array_equal(mutation.do(problem, mutants, random_state=ours), mutants)
    assert (prob == 0.0) == np.array_equal(mutants.get("X"), offspring.get("X"))
    Mutation.do(mutation, problem, expected, random_state=theirs, qualities=halves)
    assert np.array_equal(mutants.get("X"), expected.get("X"))
    assert ours.bit_generator.state == theirs.bit_generator.state


def test_infeasible_members_come_last_in_quality() -> None:
    members = Population.new("X", ONES[:3], "F", np.array([[5.0], [0.0], [0.0]]))
    members.set("CV", np.array([[0.0], [2.0], [1.0]]))
    assert quality(members).tolist() == [1.0, 0.0, 0.5]


def test_infeasible_members_come_last_in_quality_by_fronts_too() -> None:
    values = np.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0], [2.0, 2.0], [8.0, 8.0]])
    members = Population.new("X", ONES[:5], "F", values)
    assert quality(members).tolist() == [0.5] * 5
    members.set("G", np.array([[-1.0], [-1.0], [3.0], [-1.0], [2.0]]))
    problem = FunctionalProblem(2, [lambda x: 0.0, lambda x: 0.0], constr_ieq=[lambda x: 0.0], xl=0, xu=1)
    survivors = RankAndCrowding().do(problem, members, n_survive=5)
    found = dict(zip(survivors.get("F")[:, 0].tolist(), quality(survivors).tolist(), strict=True))
    assert found == {0.0: 1.0, 1.0: 0.75, 2.0: 0.5, 8.0: 0.25, 9.0: 0.0}


def test_a_tournament_prefers_the_feasible_then_the_best() -> None:
    members = Population.new("X", ONES[:4], "F", np.array([[3.0], [2.0], [1.0], [0.0]]))
    members.set("CV", np.array([[0.0], [0.0], [0.0], [1.0]]))
    rng = np.random.default_rng(0)
    chosen = Tournament(64)._do(bounds_only(SPACE), members, 100, 2, random_state=rng)
    assert set(chosen.ravel().tolist()) == {2}
    fair = Tournament(1)._do(bounds_only(SPACE), members, 1000, 2, random_state=rng)
    assert np.bincount(fair.ravel(), minlength=4) == pytest.approx([500] * 4, rel=0.15)


@settings(max_examples=20, deadline=None)
@given(st.integers(8, 60), st.integers(0, 1000))
def test_balanced_sampling_uses_every_option_of_every_gene(n: int, seed: int) -> None:
    rows = BalancedSampling(SPACE)._balanced(n, np.random.default_rng(seed))
    for gene, options in enumerate(SPACE.cardinalities.tolist()):
        counts = np.bincount(rows[:, gene], minlength=options)
        assert len(counts) == options
        assert counts.max() - counts.min() <= 1


def test_sampling_draws_no_canonical_form_twice_and_only_what_is_accepted() -> None:
    space = NASBench201(Shape(3, 16, 16), 10)
    rows = BalancedSampling(space, lambda rows: rows[:, 0] == 1)._do(None, 40, random_state=np.random.default_rng(0))
    assert rows.shape == (40, 6)
    assert (rows[:, 0] == 1).all()
    assert len({space.canonical(row).tobytes() for row in rows}) == 40


def test_sampling_a_small_space_gives_what_there_is() -> None:
    space = SeparableSettings(stages=1, max_depth=1, units=("conv3",), pools=("max", "avg")).build(Shape(1, 8, 8), 2)
    assert len(BalancedSampling(space)._do(None, 40, random_state=np.random.default_rng(0))) == 2


def test_canonical_duplicates_are_dropped() -> None:
    space = SeparableSettings(stages=1, max_depth=2, units=("conv3", "sep3")).build(Shape(1, 8, 8), 2)
    depth = space.genes.index(next(gene for gene in space.genes if gene.startswith("depth")))
    first = np.zeros(len(space.genes), dtype=np.int64)
    inert = first.copy()
    inert[1] = 1
    assert first[depth] == 0
    other = first.copy()
    other[0] = 1
    members = Population.new("X", np.stack([first, inert, other]))
    kept = CanonicalDuplicates(space).do(members)
    assert [individual.X.tolist() for individual in kept] == [first.tolist(), other.tolist()]
    assert len(CanonicalDuplicates(space).do(kept, Population.new("X", inert[None]))) == 1
    assert len(CanonicalDuplicates(space, lambda canonical: True).do(kept)) == 0
    floats = Population.create(Individual(X=first + 0.2), Individual(X=first - 0.3))
    assert len(CanonicalDuplicates(space).do(floats)) == 1


class RowByRow(NASBench201):
    """A space of another package, which knows nothing of rows."""

    canonical_rows = SearchSpace.canonical_rows


@pytest.mark.parametrize("kind", [NASBench201, RowByRow])
def test_new_is_what_was_neither_seen_nor_known_nor_there_before(kind: type[NASBench201]) -> None:
    space = kind(Shape(3, 16, 16), 10)
    rows = space.sample(60, np.random.default_rng(0))
    forms = Forms(space)
    canonical = forms.canonical_rows(rows + 0.3)
    assert np.array_equal(canonical, [space.canonical(row) for row in rows])
    assert forms.canonical_rows(rows[:0]).shape == (0, 6)
    unwanted = {tuple(row) for row in canonical[:10]}
    told: list[tuple[int, ...]] = []

    def known(form: NDArray[np.int64]) -> bool:
        told.append(tuple(form))
        return bool(form[0] == 1)

    new = CanonicalDuplicates(space, known, forms).new(canonical, keys(canonical[:10]))
    expected = []
    for row in map(tuple, canonical):
        expected.append(row not in unwanted and row[0] != 1)
        unwanted.add(row)
    assert new.tolist() == expected
    assert 0 < new.sum() < 50
    assert len(set(told)) == len(told)


class Ones(Problem):
    """Maximise the number of genes with code 1, and of those with code 0."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(n_var=len(space.genes), n_obj=2, xl=np.zeros(len(space.genes)), xu=space.cardinalities - 1.0)

    def _evaluate(self, X: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        assert np.array_equal(X, np.rint(X))
        assert ((self.xl <= X) & (self.xu >= X)).all()
        out["F"] = -np.stack([(X == 1).sum(axis=1), (X == 0).sum(axis=1)], axis=1)


def test_the_operators_work_in_pymoos_own_nsga2() -> None:
    def solve(seed: int) -> Any:
        algorithm = NSGA2(
            pop_size=40,
            sampling=IntegerRandomSampling(),
            crossover=SegmentCrossover(SPACE),
            mutation=AdaptiveMutation(SPACE),
            eliminate_duplicates=CanonicalDuplicates(SPACE),
        )
        return minimize(Ones(SPACE), algorithm, ("n_gen", 40), seed=seed)

    first, again = solve(1), solve(1)
    assert np.array_equal(first.F, again.F)
    # Ones and zeros together fill nearly all genes of the canonical forms.
    assert (-first.F).sum(axis=1).max() >= len(SPACE.genes) - 4
    assert len(first.F) >= 5
