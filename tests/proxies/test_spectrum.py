"""Effective rank and sphericity against slow calculations in double precision, and at its edges."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.proxies import (
    FeatureMap,
    effective_rank_fraction,
    log_sphericity,
    mean_effective_ranks,
    mean_log_channels,
    mean_log_sphericities,
)
from coernas_moo.proxies.spectrum import FLOOR, effective_rank_fractions, log_sphericities


def slow(rows: np.ndarray) -> float:
    """From the singular values of the centred rows, whose squares are the eigenvalues."""
    rows = rows.astype(np.float64)
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    p = singular**2 / np.sum(singular**2)
    p = p[p > 0]
    return float(np.exp(-np.sum(p * np.log(p))) / min(rows.shape[1], rows.shape[0] - 1))


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(3, 60),
    channels=st.integers(1, 40),
    offset=st.sampled_from([0.0, 0.3, 2.0, 50.0]),
    scale=st.sampled_from([1e-25, 1e-12, 1.0, 1e20]),
    seed=st.integers(0, 2**31),
)
def test_agrees_with_singular_values(samples: int, channels: int, offset: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(samples, channels)) @ rng.normal(size=(channels, channels)) + offset) * scale
    rows = rows.astype(np.float32)
    fraction = effective_rank_fraction(torch.from_numpy(rows))
    assert fraction == pytest.approx(slow(rows), rel=1e-3 if offset == 50 else 1e-4)
    assert 0 < fraction <= 1


def test_equal_sizes_are_solved_together_and_each_for_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = [torch.randn(50, 6, generator=generator) for _ in range(4)]
    matrices[1][3, 2] = math.nan
    matrices[2][0, 0] = math.inf
    fractions = effective_rank_fractions([*matrices, torch.zeros(50, 6), torch.ones(1, 6), matrices[0].half()])
    assert fractions[0] == pytest.approx(effective_rank_fraction(matrices[0]), rel=1e-6)
    assert fractions[3] == pytest.approx(slow(matrices[3].numpy()), rel=1e-5)
    assert np.isnan(fractions[1:3]).all()
    assert fractions[4] == pytest.approx(1 / 6)
    assert math.isnan(fractions[5])
    assert fractions[6] == pytest.approx(fractions[0], rel=1e-2)


def test_constant_channels_are_lowest_and_white_noise_highest() -> None:
    generator = torch.Generator().manual_seed(0)
    one_direction = torch.randn(100, 1, generator=generator) * torch.ones(8)
    assert effective_rank_fraction(one_direction) == pytest.approx(1 / 8, rel=1e-4)
    assert effective_rank_fraction(torch.full((100, 8), 3.7)) == pytest.approx(1 / 8, rel=1e-4)
    assert effective_rank_fraction(torch.randn(8192, 8, generator=generator)) > 0.995


@pytest.mark.parametrize("samples", [9, 33, 129])
def test_undersampled_white_noise_does_not_look_degenerate(samples: int) -> None:
    rows = torch.randn(samples, 256, generator=torch.Generator().manual_seed(0))
    assert effective_rank_fraction(rows) > 0.75


def test_mean_skips_single_rows_and_counts_repetitions() -> None:
    generator = torch.Generator().manual_seed(0)
    white = FeatureMap(torch.randn(400, 4, generator=generator), 1)
    flat = FeatureMap(torch.ones(3, 4, 5, 5), 1)
    single = FeatureMap(torch.ones(1, 4), 1)
    high, low = effective_rank_fraction(white.rows), 0.25
    means = mean_effective_ranks((white, flat, white, single), (flat,), ())
    assert means == pytest.approx([(2 * high + low) / 3, low, 0.0])


def test_the_mean_of_channels_skips_single_rows() -> None:
    maps = [FeatureMap(torch.zeros(2, channels, 3, 3), 1) for channels in (2, 8)]
    assert mean_log_channels([*maps, FeatureMap(torch.ones(1, 64), 1)]) == pytest.approx(math.log(4))
    assert mean_log_channels([]) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(3, 60),
    channels=st.integers(1, 40),
    offset=st.sampled_from([0.0, 0.3, 2.0]),
    scale=st.sampled_from([1e-25, 1e-12, 1.0, 1e20]),
    seed=st.integers(0, 2**31),
)
def test_sphericity_agrees_with_singular_values(
    samples: int, channels: int, offset: float, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(samples, channels)) @ rng.normal(size=(channels, channels)) + offset) * scale
    rows = rows.astype(np.float32)
    exact = rows.astype(np.float64)
    power = np.linalg.svd(exact - exact.mean(axis=0), compute_uv=False)[: min(channels, samples - 1)] ** 2
    expected = float(np.log(power / power.mean() + FLOOR).mean())
    assert log_sphericity(torch.from_numpy(rows)) == pytest.approx(expected, abs=2e-3)


def test_sphericity_at_its_edges() -> None:
    generator = torch.Generator().manual_seed(0)
    lowest = math.log(FLOOR)
    one_of_eight = (math.log(8 + FLOOR) + 7 * lowest) / 8  # what rounding leaves of nothing is one direction
    assert lowest - 1e-3 <= log_sphericity(torch.full((100, 8), 3.7)) <= one_of_eight + 1e-3
    one_direction = torch.randn(100, 1, generator=generator) @ torch.randn(1, 1024, generator=generator)
    assert lowest <= log_sphericity(one_direction) < lowest + 0.2
    assert log_sphericity(torch.randn(8192, 8, generator=generator)) == pytest.approx(0, abs=2e-3)
    white = torch.randn(200, 6, generator=generator)
    found = log_sphericities([white, torch.ones(1, 6), torch.full((9, 3), math.nan), white.half(), white * math.inf])
    assert found[0] == pytest.approx(log_sphericity(white), rel=1e-5)
    assert found[3] == pytest.approx(found[0], abs=1e-3)
    assert all(math.isnan(found[place]) for place in (1, 2, 4))


def test_a_nearly_singular_matrix_has_a_sphericity() -> None:
    # Large enough for rounding to push eigenvalues of the scatter below the floor.
    rows = torch.ones(4096, 1) * torch.linspace(1, 900, 1024) + 1e-3 * torch.randn(4096, 1)
    assert math.isfinite(log_sphericity(rows * torch.linspace(-1, 1, 4096)[:, None]))


def test_many_rows_are_thinned_and_nothing_is_the_lowest() -> None:
    values = torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    many = FeatureMap(values, 1)
    assert many.thinned(2048).shape == (1928, 3)
    assert len(many.thinned(40000)) == 32768
    assert mean_log_sphericities((many,), ()) == [pytest.approx(0, abs=0.01), math.log(FLOOR)]
