"""The surrogate of a fused score."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau

from coernas_moo.proxies import fuse
from coernas_moo.proxies.fusion import relative_ranks
from coernas_moo.search.fused_surrogate import FusedSurrogate, Readings
from coernas_moo.search.surrogate import Surrogate
from tests.search.genotypes import additive, encoded, proxies

WEIGHTS = [1.0, 1.5, 1.0]


def readings(codes: NDArray[np.int64], p: float = 0.0) -> Readings:
    return Readings(0, relative_ranks(proxies(codes)), p, WEIGHTS)


@pytest.mark.parametrize("p", [0.0, 1.0, -1.0])
def test_it_tells_the_best_better_than_a_surrogate_of_the_score(p: float) -> None:
    fused, whole = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 4, size=(460, 8))
        seen, new = codes[:60], codes[60:]
        score = fuse(proxies(codes), p, WEIGHTS)[60:]
        best = score >= np.quantile(score, 0.7)
        own = fuse(proxies(seen), p, WEIGHTS)
        by_proxies = FusedSurrogate(encoded(seen), readings(seen, p), rng).optimistic(encoded(new), [0.0])[0]
        by_score = Surrogate(encoded(seen), -own[:, None], rng).optimistic(encoded(new), [0.0])[0, 0]
        for found, predicted in ((fused, by_proxies), (whole, by_score)):
            found.append(kendalltau(-predicted[best], score[best]).statistic)
    assert np.mean(fused) > np.mean(whole)


def test_expected_scores_are_those_of_expected_ranks_and_optimism_adds_in_squares() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(50, 8)), rng.integers(0, 4, size=(30, 8))
    process = FusedSurrogate(encoded(seen), readings(seen), rng)
    predicted = process.optimistic(encoded(new), [0.0, 1.0, 2.0])
    ranks = -process.proxies.optimistic(encoded(new), [0.0, 1.0, 2.0])
    weights = np.array(WEIGHTS) / sum(WEIGHTS)
    for candidate in range(30):
        at = ranks[:, :, candidate]
        expected = float(np.prod(at[:, 0] ** weights))
        assert predicted[0, candidate] == pytest.approx(-expected)
        for place in (1, 2):
            gains = [expected * ((at[j, place] / at[j, 0]) ** weights[j] - 1) for j in range(3)]
            assert predicted[place, candidate] == pytest.approx(-expected - float(np.sqrt(np.square(gains).sum())))


def test_it_is_extended_with_the_archive() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 4, size=(110, 8))
    earlier = FusedSurrogate(encoded(seen[:100]), readings(seen[:100]), rng)
    later = FusedSurrogate(encoded(seen), readings(seen), rng, earlier)
    assert later.proxies.tunings is earlier.proxies.tunings
    assert len(later.proxies.members) == 110


def test_a_proxy_that_tells_nobody_apart_leaves_the_others_to_decide() -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(80, 8)), rng.integers(0, 4, size=(100, 8))
    values = proxies(seen)
    values[:, 1] = -np.inf
    process = FusedSurrogate(encoded(seen), Readings(0, relative_ranks(values), 0.0, WEIGHTS), rng)
    predicted = process.optimistic(encoded(new), [0.0, 2.0])
    assert np.isfinite(predicted).all()
    assert kendalltau(-predicted[0], additive(new)).statistic > 0.3


@pytest.mark.parametrize("p", [np.inf, -np.inf])
def test_powers_without_end_are_no_trouble(p: float) -> None:
    rng = np.random.default_rng(0)
    seen, new = rng.integers(0, 4, size=(40, 8)), rng.integers(0, 4, size=(20, 8))
    expected, better = FusedSurrogate(encoded(seen), readings(seen, p), rng).optimistic(encoded(new), [0.0, 2.0])
    assert np.isfinite(expected).all()
    assert (better <= expected).all()
