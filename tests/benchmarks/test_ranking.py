from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coernas_moo.benchmarks.ranking import (
    bootstrap_interval,
    half_of,
    kendall,
    kendall_among_best,
    ndcg,
    ranked_last,
    ranking_quality,
)

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12)


def tau_b_by_pairs(x: list[float], y: list[float]) -> float:
    """Kendall's tau-b by counting all pairs."""
    agree = tied_x = tied_y = 0
    total = 0
    for i, j in combinations(range(len(x)), 2):
        total += 1
        dx, dy = x[i] - x[j], y[i] - y[j]
        agree += (dx * dy > 0) - (dx * dy < 0)
        tied_x += dx == 0
        tied_y += dy == 0
    below = math.sqrt((total - tied_x) * (total - tied_y))
    return agree / below if below else math.nan


@given(pairs)
def test_tau_counts_pairs(rows: list[tuple[int, int]]) -> None:
    x, y = ([float(row[i]) for row in rows] for i in (0, 1))
    assert kendall(np.array(x), np.array(y)) == pytest.approx(tau_b_by_pairs(x, y), nan_ok=True)


def test_tau_among_the_best_looks_at_the_best_only() -> None:
    accuracies = np.arange(100.0)
    scores = accuracies.copy()
    scores[80:] = scores[80:][::-1]
    assert kendall_among_best(scores, accuracies, 0.2) == pytest.approx(-1.0)
    assert kendall(scores, accuracies) > 0.9


def test_ndcg_by_hand() -> None:
    accuracies = np.array([10.0, 90.0, 50.0])
    gains = 2 ** (accuracies / 100) - 1
    found = gains[2] / math.log2(2) + gains[1] / math.log2(3)
    ideal = gains[1] / math.log2(2) + gains[2] / math.log2(3)
    assert ndcg(np.array([0.1, 0.5, 0.9]), accuracies, 2) == pytest.approx(found / ideal)


def test_what_is_not_finite_ranks_last() -> None:
    for scale in (1.0, 1e-300, 1e20):
        ranked = ranked_last(scale * np.array([1.0, np.nan, -5.0, np.inf]))
        assert np.argsort(ranked, kind="stable").tolist() == [1, 3, 2, 0]
        assert ranked[1] == ranked[3] < ranked[2]
    quality = ranking_quality(np.array([np.nan, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert quality.tau == pytest.approx(1.0)
    assert quality.selected == 4.0


def test_selected_is_a_mean_over_ties() -> None:
    assert ranking_quality(np.array([2.0, 2.0, 1.0]), np.array([80.0, 90.0, 10.0])).selected == 85.0


def test_bootstrap_interval_covers_the_estimate_and_shrinks() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for n in (50, 800):
        x = rng.normal(size=n)
        y = x + rng.normal(size=n)
        low, high = bootstrap_interval(kendall, x, y, resamples=100)
        assert low < kendall(x, y) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_draws_without_a_measure_are_left_out_of_the_interval() -> None:
    low, high = bootstrap_interval(kendall, np.array([1.0, 1, 1, 1, 2]), np.arange(5.0))
    assert -1 <= low <= high <= 1
    assert np.isnan(bootstrap_interval(kendall, np.ones(5), np.arange(5.0))).all()


def test_halves_keep_equal_keys_together_and_cover_all() -> None:
    keys = [f"f{i % 37}" for i in range(400)]
    mask = half_of(keys, seed=5)
    assert {key for key, kept in zip(keys, mask, strict=True) if kept}.isdisjoint(
        {key for key, kept in zip(keys, mask, strict=True) if not kept}
    )
    assert len({key for key, kept in zip(keys, mask, strict=True) if kept}) == 18
    assert np.array_equal(mask, half_of(keys, seed=5))
