from __future__ import annotations

import math
from statistics import NormalDist, quantiles, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.proxies.distribution import ProxyDistribution
from coernas_moo.proxies.fusion import relative_ranks

numbers = st.integers(-40, 40).map(lambda n: n / 4)
values = st.one_of(numbers, st.sampled_from([math.inf, -math.inf, math.nan]))


def rank(value: float, sample: list[float]) -> float:
    """By the definition, one value at a time."""
    n, known = len(sample), [v for v in sample if math.isfinite(v)]
    missing = 1 - len(known) / n
    if not math.isfinite(value):
        return (n * missing / 2 + 0.5) / (n + 1)
    if not known:
        return (n + 0.5) / (n + 1)
    deviation = stdev(known) if len(known) > 1 else 0.0
    lower, _, upper = quantiles(known, n=4, method="inclusive") if len(known) > 1 else known * 3
    bandwidth = 1.06 * (min(deviation, (upper - lower) / 1.34) or deviation) * len(known) ** -0.2
    if bandwidth:
        below = [NormalDist().cdf((value - v) / bandwidth) for v in known]
    else:
        below = [(v < value) + (v == value) / 2 for v in known]
    return (n * (missing + (1 - missing) * sum(below) / len(known)) + 0.5) / (n + 1)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, min_size=1, max_size=30), st.lists(values, max_size=12))
def test_ranks_agree_with_the_definition(sample: list[float], others: list[float]) -> None:
    ranks = ProxyDistribution(np.array(sample)[:, None]).ranks(np.array(others)[:, None])
    assert ranks.shape == (len(others), 1)
    assert ranks.ravel() == pytest.approx([rank(v, sample) for v in others], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(values, min_size=1, max_size=30), st.randoms())
def test_neither_the_order_of_the_sample_nor_scale_and_origin_matter(sample: list[float], random: object) -> None:
    column = np.array(sample)[:, None]
    ranks = ProxyDistribution(column).ranks(column)
    shuffled = sample.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert np.array_equal(ProxyDistribution(np.array(shuffled)[:, None]).ranks(column), ranks)
    np.testing.assert_allclose(ProxyDistribution(8 * column - 3).ranks(8 * column - 3), ranks, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(values, min_size=1, max_size=20))
def test_ranks_rise_with_the_value_and_what_is_not_finite_is_last(sample: list[float]) -> None:
    others = np.array([math.nan, math.inf, -math.inf, *np.linspace(-60, 60, 241)])[:, None]
    ranks = ProxyDistribution(np.array(sample)[:, None]).ranks(others).ravel()
    assert (np.diff(ranks[3:]) >= -1e-12).all()
    assert ranks[0] == ranks[1] == ranks[2] <= ranks[3]
    assert ((ranks > 0) & (ranks < 1)).all()


def test_proxies_are_taken_one_by_one_and_many_values_in_parts() -> None:
    rng = np.random.default_rng(0)
    sample, others = rng.normal(size=(40, 3)) * [1, 10, 0.1], rng.normal(size=(9000, 3))
    ranks = ProxyDistribution(sample).ranks(others)
    for column in range(3):
        alone = ProxyDistribution(sample[:, [column]])
        assert np.array_equal(alone.ranks(others[:, [column]])[:, 0], ranks[:, column])
        assert np.array_equal(alone.ranks(others[5000:5001, [column]])[0, 0], ranks[5000, column])


def test_a_small_sample_tells_more_than_its_steps() -> None:
    rng = np.random.default_rng(0)
    population = rng.normal(size=(4000, 1))
    truth = relative_ranks(population).ravel()
    smooth, steps = [], []
    for _ in range(40):
        sample = population[rng.choice(4000, 50)]
        smooth.append(np.abs(ProxyDistribution(sample).ranks(population).ravel() - truth).mean())
        below = np.searchsorted(np.sort(sample.ravel()), population.ravel()) / 50
        steps.append(np.abs(below - truth).mean())
    assert np.mean(smooth) < 0.95 * np.mean(steps) < 0.05


def test_very_large_values_are_told_apart() -> None:
    sample = np.array([[-1.7e308], [-1e300], [1e300], [1.7e308]])
    with np.errstate(all="raise"):
        ranks = ProxyDistribution(sample).ranks(sample).ravel()
    assert (np.diff(ranks) > 0).all()
    assert ranks == pytest.approx(ProxyDistribution(sample / 1e308).ranks(sample / 1e308).ravel())


def test_without_a_sample_all_are_alike() -> None:
    ranks = ProxyDistribution(np.empty((0, 2))).ranks(np.array([[1.0, math.nan], [2.0, 3.0]]))
    assert ranks.tolist() == [[0.5, 0.5], [0.5, 0.5]]
