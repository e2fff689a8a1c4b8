"""The fusion of ranks and what must not change it."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gmean, rankdata

from coernas_moo.errors import CoernasError
from coernas_moo.proxies import DIMENSIONS, PROXIES, fuse, fuse_proxies


@pytest.mark.parametrize("weights", [0.0, [1.0, 0.0], [-1.0, 2.0], [1.0, 2.0, 3.0], [[1.0, 1.0]], [1.0, math.nan]])
def test_weights_are_one_a_column_and_above_zero(weights: object) -> None:
    with pytest.raises(CoernasError, match="one for each of 2 columns"):
        fuse([[1.0, 2.0], [2.0, 1.0]], weights=weights)


matrices = st.tuples(st.integers(1, 12), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 4).map(float) | st.just(math.nan))
)
exponents = st.sampled_from([-math.inf, -700.0, -1.0, -1e-12, 0.0, 1e-7, 0.5, 1.0, 3.0, 700.0, math.inf])


@settings(max_examples=100, deadline=None)
@given(matrices, exponents)
def test_bounded(columns: np.ndarray, p: float) -> None:
    scores = fuse(columns, p)
    assert scores.shape == (len(columns),)
    assert np.all((scores > 0) & (scores <= 1))


@settings(max_examples=100, deadline=None)
@given(matrices, exponents)
def test_only_order_matters(columns: np.ndarray, p: float) -> None:
    np.testing.assert_array_equal(fuse(columns, p), fuse(np.exp(columns) * 5 - 1e3, p))


@settings(max_examples=100, deadline=None)
@given(matrices, exponents, st.randoms())
def test_order_of_members_and_proxies_does_not_matter(columns: np.ndarray, p: float, random) -> None:
    members = random.sample(range(columns.shape[0]), columns.shape[0])
    proxies = random.sample(range(columns.shape[1]), columns.shape[1])
    np.testing.assert_allclose(fuse(columns, p)[members], fuse(columns[members][:, proxies], p), rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(matrices, exponents)
def test_a_weight_of_two_counts_a_column_twice(columns: np.ndarray, p: float) -> None:
    weights = np.ones(columns.shape[1])
    weights[-1] = 2.0
    np.testing.assert_allclose(fuse(columns, p, weights=3 * weights), fuse(columns[:, [*range(len(weights)), -1]], p))


def test_the_fusion_of_names_takes_the_weight_of_each() -> None:
    columns = np.random.default_rng(0).normal(size=(50, 4))
    assert PROXIES["regularity"].weight == 1.5
    ranks = rankdata(columns, axis=0) / 50
    expected = np.prod(ranks, axis=1) * ranks[:, 3] ** 0.5
    np.testing.assert_allclose(fuse_proxies(DIMENSIONS, columns), expected ** (1 / 4.5))


@settings(max_examples=100, deadline=None)
@given(matrices)
def test_grows_with_the_exponent(columns: np.ndarray) -> None:
    scores = [fuse(columns, p) for p in (-math.inf, -2.0, 0.0, 1.0, 2.0, math.inf)]
    for lower, higher in pairwise(scores):
        assert np.all(lower <= higher + 1e-12)


def test_geometric_and_arithmetic_means_of_ranks() -> None:
    columns = np.random.default_rng(0).normal(size=(40, 3)).round(1)
    ranks = rankdata(columns, axis=0) / 40
    np.testing.assert_allclose(fuse(columns), gmean(ranks, axis=1))
    np.testing.assert_allclose(fuse(columns, 1e-9), fuse(columns), rtol=1e-7)
    np.testing.assert_allclose(fuse(columns, 1.0), ranks.mean(axis=1))
    np.testing.assert_allclose(fuse(columns, -1.0), 3 / (1 / ranks).sum(axis=1))
    np.testing.assert_allclose(fuse(columns, -math.inf), ranks.min(axis=1))
    np.testing.assert_allclose(fuse(columns, 2000.0), ranks.max(axis=1), rtol=1e-3)


def test_what_is_not_finite_ties_at_the_bottom() -> None:
    scores = fuse([[math.nan], [math.inf], [-math.inf], [-1.7e308], [0.0]])
    assert scores.tolist() == pytest.approx([0.4, 0.4, 0.4, 0.8, 1.0])


def test_small_archives() -> None:
    assert fuse(np.empty((0, 4))).shape == (0,)
    assert fuse([[3.0, math.nan]]).tolist() == [1.0]


@pytest.mark.parametrize(("columns", "p"), [([1.0, 2.0], 0.0), (np.empty((3, 0)), 0.0), ([[1.0]], math.nan)])
def test_refuses(columns, p: float) -> None:
    with pytest.raises(CoernasError):
        fuse(columns, p)
