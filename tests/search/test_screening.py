"""The surrogate, and the screening of offspring by it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from pymoo.indicators.hv import Hypervolume
from scipy.stats import kendalltau, multivariate_normal, norm

from coernas_moo.search.knowledge import ArchiveKnowledge
from coernas_moo.search.screening import Screening, screen
from coernas_moo.search.surrogate import DECAYS, LASTS, MOST_USED, NOISES, SPREADS, Encoded, Surrogate, Tuning
from coernas_moo.testing.algorithms import CELLS, synthetic_problem

TRUST = Screening(deviations=(0.0,))


def encoded(codes: NDArray[np.int64]) -> Encoded:
    return Encoded(codes, np.full(8, 4), [slice(0, 5), slice(5, 8)])


def additive(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Effects of eight genes of four options, none of them ordered by its code."""
    effects = np.random.default_rng(5).normal(size=(8, 4))
    return effects[np.arange(8), codes].sum(axis=1)


@dataclass
class Known:
    """Knowledge of an archive; `costs` of everything, or none."""

    genotypes: NDArray[np.int64]
    values: NDArray[np.float64]
    unknown: tuple[int, ...] = ()

    def truth(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.stack([additive(genotypes), genotypes.sum(axis=1).astype(float)], axis=1)

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self.genotypes, self.values

    def costs(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        values = self.truth(genotypes)
        values[:, list(self.unknown)] = np.nan
        return values

    def features(self, genotypes: NDArray[np.int64]) -> Encoded:
        return encoded(genotypes)


def archive(n: int, unknown: tuple[int, ...] = (), seed: int = 0) -> Known:
    genotypes = np.random.default_rng(seed).integers(0, 4, size=(n, 8))
    known = Known(genotypes, np.empty((0, 2)), unknown)
    known.values = known.truth(genotypes)
    return known


def test_the_surrogate_ranks_what_it_has_not_seen() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(150, 8)), rng.integers(0, 4, size=(300, 8))
    predicted = Surrogate(encoded(seen), additive(seen), rng).optimistic(encoded(new), [0.0])[0]
    assert kendalltau(predicted, additive(new)).statistic > 0.7


def test_predictions_do_not_hang_on_the_scale_of_bad_values() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(80, 8))
    values = additive(seen) - additive(seen).min()
    stretched = np.where(values > np.median(values), 1000 * values, values)
    order = [
        Surrogate(encoded(seen), v, np.random.default_rng(1)).optimistic(encoded(seen), [0.0])[0].argsort()
        for v in (values, stretched)
    ]
    assert np.array_equal(*order)


def test_optimism_is_larger_where_less_is_known() -> None:
    rng = np.random.default_rng(0)
    # Of the last gene only code 0 was seen.
    seen = rng.integers(0, 4, size=(100, 8))
    seen[:, 4:] = 0
    near, far = seen[:1].copy(), seen[:1].copy()
    far[:, 4:] = 3
    process = Surrogate(encoded(seen), additive(seen), rng)
    covariance = [process.optimistic(encoded(point), [0.0, 2.0])[:, 0] for point in (near, far)]
    assert covariance[0][0] >= covariance[0][1]
    assert covariance[1][0] - covariance[1][1] > covariance[0][0] - covariance[0][1]


def test_differences_and_counts_are_those_of_a_slow_reference() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, size=(6, 8)), rng.integers(0, 4, size=(5, 8))
    slow = np.array([[(x != y).sum() for y in b] for x in a])
    assert np.array_equal(encoded(a).differences(encoded(b)), slow)

    def counts(row: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.concatenate([np.bincount(part, minlength=4) for part in (row[:5], row[5:])])

    squared = np.array([[((counts(x) - counts(y)) ** 2).sum() for y in b] for x in a])
    assert np.allclose(encoded(a).distances(encoded(b)), squared)
    assert np.array_equal(encoded(a).rows(np.array([4, 1])).counts, encoded(a[[4, 1]]).counts)


def test_counts_tell_what_an_option_does_wherever_it_stands() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(60, 8)), rng.integers(0, 4, size=(300, 8))
    # One segment of eight genes counts for more than the places.
    value = (seen == 3).sum(axis=1).astype(float)
    whole = [Encoded(codes, np.full(8, 4), [slice(0, 8)]) for codes in (seen, new)]
    apart = [Encoded(codes, np.full(8, 4), [slice(i, i + 1) for i in range(8)]) for codes in (seen, new)]
    together, single = (
        kendalltau(
            Surrogate(known, value, np.random.default_rng(1)).optimistic(unknown, [0.0])[0], (new == 3).sum(axis=1)
        ).statistic
        for known, unknown in (whole, apart)
    )
    assert together > single


def test_larger_parts_tell_what_genes_and_counts_do_not() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(60, 8)), rng.integers(0, 4, size=(300, 8))

    def neighbours(codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Pairs of neighbours that are alike."""
        return (codes[:, 1:] == codes[:, :-1]).sum(axis=1, keepdims=True).astype(float)

    with_parts, without = (
        kendalltau(
            Surrogate(known, neighbours(seen)[:, 0], np.random.default_rng(1)).optimistic(unknown, [0.0])[0],
            neighbours(new)[:, 0],
        ).statistic
        for known, unknown in (
            [Encoded(codes, np.full(8, 4), [slice(0, 8)], neighbours(codes)) for codes in (seen, new)],
            [Encoded(codes, np.full(8, 4), [slice(0, 8)]) for codes in (seen, new)],
        )
    )
    assert with_parts > without + 0.3


def test_predictions_go_on_beyond_the_best_seen() -> None:
    rng = np.random.default_rng(0)
    new = rng.integers(0, 4, size=(600, 8))
    values = additive(new)
    # Half of what is to be predicted is better than all that was seen.
    seen = new[values > np.median(values)]
    process = Surrogate(encoded(seen), additive(seen), rng)
    predicted, hopeful = process.optimistic(encoded(new), [0.0, 2.0])
    beyond = predicted < process.values[0]
    assert beyond.any()
    assert values[beyond].max() < np.median(values)
    assert (hopeful < process.values[0]).sum() > beyond.sum()
    # The line runs through the best member and that at the best tenth.
    tenth = len(process.values) // 10
    slope = (process.values[tenth] - process.values[0]) / (process.scores[tenth] - process.scores[0])
    assert np.allclose(process.values[0] - hopeful.min(), slope * (process.scores[0] - _score(process, new)))


def _score(process: Surrogate, new: NDArray[np.int64]) -> float:
    """The least score less two deviations, by the textbook."""
    kernel = process.tuning.covariance(process.members, process.members)
    kernel += process.tuning.noise * np.eye(len(kernel))
    cross = process.tuning.covariance(encoded(new), process.members)
    spread = 1.0 + process.tuning.noise - np.einsum("ij,ji->i", cross, np.linalg.solve(kernel, cross.T))
    return float((cross @ process.weights - 2.0 * np.sqrt(process.variance * spread)).min())


def test_where_all_values_are_equal_nothing_better_is_predicted() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(40, 8))
    process = Surrogate(encoded(seen), np.ones(40), rng)
    assert (process.optimistic(encoded(seen), [0.0, 2.0]) == 1.0).all()


def test_a_surrogate_is_extended_until_the_archive_has_grown() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(200, 8)), rng.integers(0, 4, size=(50, 8))
    # Values of members move as others are added, as ranks do.
    before, after = additive(seen[:100]), additive(seen) ** 2
    earlier = Surrogate(encoded(seen[:100]), before, rng)
    lasts, ends = round(LASTS * 100) - 1, round(LASTS * 100)
    extended = Surrogate(encoded(seen[:lasts]), after[:lasts], rng, earlier)
    assert extended.tuning is earlier.tuning
    covariance = extended.tuning.covariance(extended.members, extended.members)
    assert np.allclose(extended.root @ extended.root.T, covariance + extended.tuning.noise * np.eye(lasts))
    assert np.allclose(extended.root, np.tril(extended.root))
    again = Surrogate(encoded(seen[:lasts]), after[:lasts], rng, extended)
    assert again.root is extended.root
    assert np.array_equal(*(each.optimistic(encoded(new), [0.0, 1.0]) for each in (extended, again)))
    assert Surrogate(encoded(seen[:ends]), after[:ends], rng, earlier).tuning.members == ends


def test_a_surrogate_of_other_members_is_not_extended() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(110, 8))
    earlier = Surrogate(encoded(seen[:100]), additive(seen[:100]), rng)
    for others in (seen[::-1], seen[:90]):
        fresh = Surrogate(encoded(others), additive(others), rng, earlier)
        assert fresh.tuning.members == len(others)


def test_where_there_are_many_members_the_used_ones_are_extended_too() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(MOST_USED + 40, 8))
    earlier = Surrogate(encoded(seen[:-20]), additive(seen[:-20]), rng)
    later = Surrogate(encoded(seen), additive(seen), rng, earlier)
    assert later.used.tolist() == [*earlier.used.tolist(), *range(MOST_USED + 20, MOST_USED + 40)]
    assert len(later.root) == len(later.members) == MOST_USED + 20


def test_the_tuning_has_the_highest_marginal_likelihood_of_the_grid() -> None:
    rng = np.random.default_rng(3)
    seen = rng.integers(0, 4, size=(60, 8))
    process = Surrogate(encoded(seen), additive(seen), rng)
    ranks = additive(seen).argsort().argsort()
    targets = norm.ppf((ranks + 0.5) / 60)

    def likelihood(decay: float, spread: float, noise: float) -> float:
        kernel = Tuning(decay, spread, noise, 60).covariance(process.members, process.members) + noise * np.eye(60)
        variance = targets @ np.linalg.solve(kernel, targets) / 60
        return float(multivariate_normal(cov=variance * kernel).logpdf(targets))

    grid = list(product(DECAYS, SPREADS, NOISES))
    best = max(grid, key=lambda parameters: likelihood(*parameters))
    assert (process.tuning.decay, process.tuning.spread, process.tuning.noise) == best


def test_equal_values_and_many_members_are_no_trouble() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(MOST_USED + 300, 8))
    assert np.isfinite(Surrogate(encoded(seen), np.ones(len(seen)), rng).optimistic(encoded(seen[:5]), [1.0])).all()
    process = Surrogate(encoded(seen), additive(seen), rng)
    assert len(process.values) == MOST_USED
    assert process.values[0] == additive(seen).min()


def test_what_dominates_is_chosen_first_when_all_costs_are_known() -> None:
    known = archive(30)
    candidates = np.random.default_rng(1).integers(0, 4, size=(200, 8))
    values = known.truth(candidates)
    chosen = screen(candidates, 20, known, np.random.default_rng(2), TRUST)
    assert len(set(chosen.tolist())) == 20

    def volume(points: NDArray[np.float64]) -> float:
        everything = np.concatenate([known.values, values])
        return float(Hypervolume(ref_point=everything.max(axis=0) + 1)(np.concatenate([known.values, points])))

    others = [volume(values[np.random.default_rng(s).choice(200, 20, replace=False)]) for s in range(10)]
    assert volume(values[chosen]) > max(others)
    # Nobody among those left out would have dominated the first choice.
    assert not ((values <= values[chosen[0]]).all(axis=1) & (values < values[chosen[0]]).any(axis=1)).any()


def test_a_batch_is_spread_along_the_front() -> None:
    known = archive(30)
    candidates = np.random.default_rng(1).integers(0, 4, size=(400, 8))
    costs = known.truth(candidates)[screen(candidates, 10, known, np.random.default_rng(2), TRUST)]
    front = known.values
    assert np.ptp(costs[:, 1]) > 0.5 * np.ptp(front[:, 1])


@pytest.mark.parametrize("unknown", [(0,), (0, 1)])
def test_predicted_objectives_do_nearly_as_well_as_known_ones(unknown: tuple[int, ...]) -> None:
    candidates = np.random.default_rng(1).integers(0, 4, size=(400, 8))
    reach = []
    for missing in ((), unknown):
        known = archive(120, missing)
        chosen = screen(candidates, 15, known, np.random.default_rng(2))
        points = np.concatenate([known.values, known.truth(candidates)[chosen]])
        reach.append(float(Hypervolume(ref_point=known.values.max(axis=0))(points)))
    start = float(Hypervolume(ref_point=known.values.max(axis=0))(known.values))
    assert reach[1] - start > 0.5 * (reach[0] - start)


def test_one_objective_is_enough() -> None:
    known = archive(40)
    known.values = known.values[:, :1]
    known.costs = lambda genotypes: additive(genotypes)[:, None]  # type: ignore[method-assign]
    candidates = np.random.default_rng(1).integers(0, 4, size=(100, 8))
    chosen = screen(candidates, 3, known, np.random.default_rng(0), TRUST)
    assert additive(candidates)[chosen[0]] == additive(candidates).min()


def test_without_an_archive_any_candidates_are_taken() -> None:
    assert screen(np.zeros((9, 8), dtype=np.int64), 4, archive(1), np.random.default_rng(0)).tolist() == [0, 1, 2, 3]


def test_knowledge_of_a_search_problem_is_its_archive_and_closed_forms() -> None:
    problem, _ = synthetic_problem(CELLS, ["score >= 0.3"])
    knowledge = ArchiveKnowledge(problem)
    rows = problem.space.canonical_rows(problem.space.sample(40, np.random.default_rng(0)))
    costs = knowledge.costs(rows)
    assert np.isnan(costs[:, 0]).all()
    assert costs[:, 1].tolist() == [problem.space.params(row) for row in rows]
    assert len(knowledge.evaluated()[0]) == 0
    problem.evaluate(rows)
    genotypes, values = knowledge.evaluated()
    assert 0 < len(genotypes) < len(problem.archive)
    assert (-values[:, 0] >= 0.3).all()
    texts = [problem.space.to_text(genotype) for genotype in genotypes]
    assert np.array_equal(problem.archive.objective_values(texts), values)
