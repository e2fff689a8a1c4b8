"""Statistics of comparisons, and attainment surfaces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, wilcoxon

from coernas_moo.benchmarks.attainment import attainment_surface
from coernas_moo.benchmarks.quartiles import Summary
from coernas_moo.benchmarks.statistics import a12, contests, friedman_ranks, holm, paired_p, verdict
from coernas_moo.errors import CoernasError

Values = st.lists(st.integers(0, 6), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(Values, Values)
def test_a12_is_the_scaled_mann_whitney_statistic(first: list[int], second: list[int]) -> None:
    expected = mannwhitneyu(first, second).statistic / (len(first) * len(second))
    assert a12(first, second) == pytest.approx(expected)
    assert a12(first, second) + a12(second, first) == pytest.approx(1)


def test_the_paired_test_is_wilcoxons() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=20), rng.normal(0.8, size=20)
    assert paired_p(first, second) == pytest.approx(wilcoxon(first, second).pvalue)
    assert paired_p([1.0] * 20, [1.0] * 20) == 1.0
    assert paired_p([1.0] * 12 + [2.0] * 8, [1.0] * 20) > paired_p([2.0] * 20, [1.0] * 20)


def test_holm_adjusts_as_written_down_by_hand() -> None:
    assert holm([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert holm([0.04, 0.04]) == pytest.approx([0.08, 0.08])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_friedman_ranks_prefer_the_higher() -> None:
    assert friedman_ranks([[1, 2, 3], [1, 3, 2], [1, 2, 3]]).tolist() == pytest.approx([3, 5 / 3, 4 / 3])


def test_a_summary_with_values_never_reached() -> None:
    assert Summary.of([1, 2, 3, np.inf, np.inf]) == Summary(3, 2, np.inf)
    assert Summary.of([np.inf] * 4) == Summary(np.inf, np.inf, np.inf)
    assert Summary.of([1, 2, 3, np.inf]) == Summary(2.5, 1.75, np.inf)
    assert np.isnan(Summary.of([1, np.nan, 2]).median)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_a_summary_takes_the_median_that_everyone_takes(values: list[float]) -> None:
    found = Summary.of(values)
    ordered = sorted(values)
    assert found.median == pytest.approx((ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.25, 0.75])))


def test_the_verdict_says_no_more_than_the_tests() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=20)
    results = {
        "ours": base.tolist(),
        "worse": (base - 1).tolist(),
        "better": (base + 1).tolist(),
        "like": (base + rng.normal(scale=0.5, size=20)).tolist(),
    }
    found = {contest.rival: contest for contest in contests(results, "ours")}
    assert [found[name].outcome for name in ("worse", "better", "like")] == ["won", "lost", "tied"]
    assert found["worse"].effect > 0.5 > found["better"].effect
    sentence = verdict(list(found.values()), "ours", seeds=20, evaluations=500)
    assert sentence.startswith("ours won against worse, tied with like and lost against better (")
    few = contests({name: values[:4] for name, values in results.items()}, "ours")
    assert {contest.outcome for contest in few} == {"open"}
    said = verdict(few, "ours", seeds=4, evaluations=500, judged="judged by true error")
    assert said == (
        "4 seeds are too few to tell ours from 3 others: the test takes 7 at least (final hypervolume judged by true "
        "error, 500 evaluations)."
    )
    assert verdict(few[:1], "ours", seeds=1, evaluations=5).startswith("1 seed is too few to tell ours from 1 other: ")


def test_pairs_decide_who_is_ahead_as_they_decide_whether_anyone_is() -> None:
    """Ours is ahead in 19 of 20 pairs; among all 400 comparisons of any two searches the other is."""
    ours = [0.5 + 0.02 * i for i in range(20)]
    other = [0.9, *(value - 0.001 for value in ours[1:])]
    (found,) = contests({"ours": ours, "other": other}, "ours")
    assert (found.outcome, found.effect < 0.5) == ("won", True)


def test_results_that_are_no_numbers_are_no_contest() -> None:
    with pytest.raises(CoernasError, match="results of 'theirs' hold NaN"):
        contests({"ours": [0.5] * 6, "theirs": [0.1] * 5 + [float("nan")]}, "ours")


def test_a_run_without_points_reaches_nothing() -> None:
    empty, one = np.empty((0, 2)), np.array([[0.0, 1.0]])
    assert attainment_surface([empty, empty], 0.5).shape == (0, 2)
    assert attainment_surface([empty, one, one], 0.5).tolist() == [[0.0, 1.0]]
    assert attainment_surface([empty, empty, one], 0.5).shape == (0, 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=6, max_size=12))
def test_contests_are_mirrored(pairs: list[tuple[int, int]]) -> None:
    first, second = ([float(value) for value in side] for side in zip(*pairs, strict=True))
    (one,), (other,) = (contests({"a": x, "b": y}, "a") for x, y in ((first, second), (second, first)))
    assert {"won": "lost", "lost": "won", "tied": "tied", "open": "open"}[one.outcome] == other.outcome


Front = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=6)


def attained(fronts: list[NDArray[np.float64]], point: tuple[int, int]) -> float:
    return float(np.mean([(front <= point).all(axis=1).any() for front in fronts]))


@settings(max_examples=80, deadline=None)
@given(st.lists(Front, min_size=1, max_size=5), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_the_surface_bounds_what_a_share_of_the_runs_attains(runs: list[list[tuple[int, int]]], share: float) -> None:
    fronts = [np.array(run, dtype=float) for run in runs]
    surface = attainment_surface(fronts, share)
    for x in range(9):
        for y in range(9):
            on_or_above = bool((surface <= (x, y)).all(axis=1).any())
            assert on_or_above == (attained(fronts, (x, y)) >= share - 1e-9)
