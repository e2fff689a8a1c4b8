from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coernas_moo.search.dominance import non_dominated, normalised_hypervolume

few_values = st.tuples(st.integers(0, 12), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-3, 3).map(float))
)


@settings(max_examples=150, deadline=None)
@given(few_values)
def test_non_dominated_agrees_with_the_definition(values: np.ndarray) -> None:
    expected = [not any((other <= row).all() and (other < row).any() for other in values) for row in values]
    assert non_dominated(values).tolist() == expected


def test_hypervolume_of_two_objectives_is_the_area_of_the_staircase() -> None:
    rng = np.random.default_rng(0)
    everything = rng.random((60, 2)) * [10, 1000] + [5, -200]
    front = everything[non_dominated(everything)]
    ideal, span = everything.min(axis=0), np.ptp(everything, axis=0)
    steps = (front[np.argsort(front[:, 0])] - ideal) / span
    widths = np.append(steps[1:, 0], 1.0) - steps[:, 0]
    assert normalised_hypervolume(front, everything) == pytest.approx((widths * (1 - steps[:, 1])).sum())


def test_hypervolume_of_three_objectives_is_the_share_of_dominated_points() -> None:
    rng = np.random.default_rng(1)
    everything = rng.random((40, 3))
    front = everything[non_dominated(everything)]
    scaled = (front - everything.min(axis=0)) / np.ptp(everything, axis=0)
    points = rng.random((20_000, 3))
    dominated = (points[:, None] >= scaled[None]).all(axis=2).any(axis=1).mean()
    assert normalised_hypervolume(front, everything) == pytest.approx(dominated, abs=0.015)


def test_hypervolume_where_there_is_nothing_to_span() -> None:
    assert normalised_hypervolume(np.empty((0, 2)), np.empty((0, 2))) == 0.0
    assert normalised_hypervolume(np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]])) == 1.0
