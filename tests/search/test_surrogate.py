"""The surrogate: a Gaussian process on genotypes."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, multivariate_normal, norm

from coernas_moo.search.surrogate import DECAYS, LASTS, MOST_USED, NOISES, SPREADS, Encoded, Surrogate, Tuning
from tests.search.genotypes import additive, encoded


def surrogate(
    seen: Encoded, values: NDArray[np.float64], rng: np.random.Generator, earlier: Surrogate | None = None
) -> Surrogate:
    """Of one column of values."""
    return Surrogate(seen, values[:, None], rng, earlier)


def factored(process: Surrogate) -> tuple[Tuning, NDArray[np.float64]]:
    """Parameters and Cholesky factor of a surrogate of one column."""
    (tuning,) = process.tunings
    return tuning, process.roots[tuning]


def test_the_surrogate_ranks_what_it_has_not_seen() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(150, 8)), rng.integers(0, 4, size=(300, 8))
    predicted = surrogate(encoded(seen), additive(seen), rng).optimistic(encoded(new), [0.0])[0, 0]
    assert kendalltau(predicted, additive(new)).statistic > 0.7


def test_predictions_do_not_hang_on_the_scale_of_bad_values() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(80, 8))
    values = additive(seen) - additive(seen).min()
    stretched = np.where(values > np.median(values), 1000 * values, values)
    order = [
        surrogate(encoded(seen), v, np.random.default_rng(1)).optimistic(encoded(seen), [0.0])[0, 0].argsort()
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
    process = surrogate(encoded(seen), additive(seen), rng)
    covariance = [process.optimistic(encoded(point), [0.0, 2.0])[0, :, 0] for point in (near, far)]
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
            surrogate(known, value, np.random.default_rng(1)).optimistic(unknown, [0.0])[0, 0], (new == 3).sum(axis=1)
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
            surrogate(known, neighbours(seen)[:, 0], np.random.default_rng(1)).optimistic(unknown, [0.0])[0, 0],
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
    process = surrogate(encoded(seen), additive(seen), rng)
    predicted, hopeful = process.optimistic(encoded(new), [0.0, 2.0])[0]
    values_seen = process.values[:, 0]
    beyond = predicted < values_seen[0]
    assert beyond.any()
    assert values[beyond].max() < np.median(values)
    assert (hopeful < values_seen[0]).sum() > beyond.sum()
    # The line runs through the best member and that at the best tenth.
    tenth = len(values_seen) // 10
    slope = (values_seen[tenth] - values_seen[0]) / (process.scores[tenth] - process.scores[0])
    assert np.allclose(values_seen[0] - hopeful.min(), slope * (process.scores[0] - _score(process, new)))


def _score(process: Surrogate, new: NDArray[np.int64]) -> float:
    """The least score less two deviations, by the textbook."""
    tuning, _ = factored(process)
    kernel = tuning.covariance(*process.members.compared(process.members))
    kernel += tuning.noise * np.eye(len(kernel))
    cross = tuning.covariance(*encoded(new).compared(process.members))
    spread = 1.0 + tuning.noise - np.einsum("ij,ji->i", cross, np.linalg.solve(kernel, cross.T))
    return float((cross @ process.weights[:, 0] - 2.0 * np.sqrt(process.variances[0] * spread)).min())


def test_where_all_values_are_equal_nothing_better_is_predicted() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(40, 8))
    process = surrogate(encoded(seen), np.ones(40), rng)
    assert (process.optimistic(encoded(seen), [0.0, 2.0]) == 1.0).all()


def test_a_surrogate_is_extended_until_the_archive_has_grown() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(200, 8)), rng.integers(0, 4, size=(50, 8))
    # Values of members move as others are added, as ranks do.
    before, after = additive(seen[:100]), additive(seen) ** 2
    earlier = surrogate(encoded(seen[:100]), before, rng)
    lasts, ends = round(LASTS * 100) - 1, round(LASTS * 100)
    extended = surrogate(encoded(seen[:lasts]), after[:lasts], rng, earlier)
    tuning, root = factored(extended)
    assert tuning is factored(earlier)[0]
    covariance = tuning.covariance(*extended.members.compared(extended.members))
    assert np.allclose(root @ root.T, covariance + tuning.noise * np.eye(lasts))
    assert np.allclose(root, np.tril(root))
    again = surrogate(encoded(seen[:lasts]), after[:lasts], rng, extended)
    assert factored(again)[1] is root
    assert np.array_equal(*(each.optimistic(encoded(new), [0.0, 1.0]) for each in (extended, again)))
    assert surrogate(encoded(seen[:ends]), after[:ends], rng, earlier).tunings[0].members == ends


def test_a_surrogate_of_other_members_is_not_extended() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(110, 8))
    earlier = surrogate(encoded(seen[:100]), additive(seen[:100]), rng)
    for others in (seen[::-1], seen[:90]):
        fresh = surrogate(encoded(others), additive(others), rng, earlier)
        assert fresh.tunings[0].members == len(others)


def test_where_there_are_many_members_the_used_ones_are_extended_too() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(MOST_USED + 40, 8))
    earlier = surrogate(encoded(seen[:-20]), additive(seen[:-20]), rng)
    later = surrogate(encoded(seen), additive(seen), rng, earlier)
    assert later.used.tolist() == [*earlier.used.tolist(), *range(MOST_USED + 20, MOST_USED + 40)]
    assert len(factored(later)[1]) == len(later.members) == MOST_USED + 20


def test_the_tuning_has_the_highest_marginal_likelihood_of_the_grid() -> None:
    rng = np.random.default_rng(3)
    seen = rng.integers(0, 4, size=(60, 8))
    process = surrogate(encoded(seen), additive(seen), rng)
    ranks = additive(seen).argsort().argsort()
    targets = norm.ppf((ranks + 0.5) / 60)
    compared = process.members.compared(process.members)

    def likelihood(decay: float, spread: float, noise: float) -> float:
        kernel = Tuning(decay, spread, noise, 60).covariance(*compared) + noise * np.eye(60)
        variance = targets @ np.linalg.solve(kernel, targets) / 60
        return float(multivariate_normal(cov=variance * kernel).logpdf(targets))

    grid = list(product(DECAYS, SPREADS, NOISES))
    best = max(grid, key=lambda parameters: likelihood(*parameters))
    (tuning,) = process.tunings
    assert (tuning.decay, tuning.spread, tuning.noise) == best


def test_equal_values_and_many_members_are_no_trouble() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(MOST_USED + 300, 8))
    assert np.isfinite(surrogate(encoded(seen), np.ones(len(seen)), rng).optimistic(encoded(seen[:5]), [1.0])).all()
    process = surrogate(encoded(seen), additive(seen), rng)
    assert len(process.values) == MOST_USED
    assert process.values[0, 0] == additive(seen).min()


def test_columns_are_predicted_as_if_each_were_alone() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(130, 8)), rng.integers(0, 4, size=(50, 8))
    columns = np.stack([additive(seen), (seen == 3).sum(axis=1), rng.normal(size=130), additive(seen) ** 3], axis=1)
    # Before and after it was extended.
    process = None
    for members in (120, 130):
        process = Surrogate(encoded(seen[:members]), columns[:members], np.random.default_rng(1), process)
        # The last column has the ranks of the first, and so shares its factor.
        assert 1 < len(process.roots) == len(set(process.tunings)) < 4
        together = process.optimistic(encoded(new), [0.0, 1.5])
        assert together.shape == (4, 2, 50)
        for column, own in zip(columns.T, together, strict=True):
            alone = None
            for fewer in range(120, members + 1, 10):
                alone = surrogate(encoded(seen[:fewer]), column[:fewer], np.random.default_rng(1), alone)
            assert alone is not None
            assert np.allclose(alone.optimistic(encoded(new), [0.0, 1.5])[0], own)


def test_of_many_members_those_are_used_that_are_best_on_the_whole() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(MOST_USED + 300, 8))
    columns = np.stack([additive(seen), additive(seen[:, ::-1]) ** 3, rng.normal(size=len(seen))], axis=1)
    process = Surrogate(encoded(seen), columns, rng)
    scores = norm.ppf((columns.argsort(axis=0).argsort(axis=0) + 0.5) / len(seen)).sum(axis=1)
    # But for what equal values change.
    best = np.argsort(scores)[: MOST_USED // 2 - 5]
    assert len(process.used) == MOST_USED
    assert set(best.tolist()) <= set(process.used.tolist())
