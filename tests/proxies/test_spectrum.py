"""Effective rank against a slow calculation in double precision, and at its edges."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.proxies import FeatureMap, effective_rank_fraction, mean_effective_ranks
from coernas_moo.proxies.spectrum import effective_rank_fractions


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
