"""Fusion: ranks of several proxies over a set of networks, merged into one score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.errors import CoernasError
from coernas_moo.proxies.proxy import PROXIES


def fuse(columns: ArrayLike, p: float = 0.0, weights: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Weighted power mean, over proxies, of the relative ranks within a set of networks; in (0, 1], higher is better.

    With w_j the weight of proxy j, m members, and r_ij the ascending rank of member i by proxy j, ties averaged, over
    m: score_i = (sum_j w_j r_ij^p / sum_j w_j)^(1/p). p = 0 is the geometric mean, its limit, which a single bad rank
    pulls down; p = 1 the arithmetic mean; p = -inf and inf are the worst and the best rank, whatever the weights. Only
    the order of each column matters. Values that are not finite, whatever their sign, tie at the bottom.

    Args:
        columns: shape (m, k), m members by k >= 1 proxies, higher is better.
        p: exponent, any number but nan.
        weights: above 0; one for all proxies, or shape (k,).

    Returns:
        Shape (m,).

    Raises:
        CoernasError: `columns` is not a matrix with a column, `p` is nan, or `weights` are not one a column above 0.

    Source: rank aggregation by the mean logarithm of ranks as in AZ-NAS (Lee and Ham 2024); the power
    mean and the weights are ours.

    Example:
        >>> fuse([[1.0, 10.0], [2.0, 30.0], [3.0, 20.0], [4.0, float("nan")]], p=1.0).tolist()
        [0.375, 0.75, 0.75, 0.625]
    """
    values = np.asarray(columns, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise CoernasError(f"fusion takes a matrix of members by proxies, at least one proxy, not shape {values.shape}")
    if math.isnan(p):
        raise CoernasError("the exponent p of the fusion cannot be nan; 0 is the geometric mean, 1 the arithmetic")
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape not in ((), values.shape[1:]) or not (shares > 0).all():
        raise CoernasError(f"fusion takes one weight above 0, or one for each of {values.shape[1]} columns")
    members = len(values)
    if members == 0:
        return np.empty(0)
    return merge_ranks(relative_ranks(values), p, weights)


def relative_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ascending ranks in each column, ties averaged, over the number of members: r_ij of `fuse`.

    Args:
        values: shape (m, k), m >= 1.

    Returns:
        Shape (m, k), in (0, 1].
    """
    values = np.where(np.isfinite(values), values, -np.inf)
    return np.stack([_ranks(column) for column in values.T], axis=1) / len(values)


def merge_ranks(ranks: NDArray[np.float64], p: float, weights: ArrayLike) -> NDArray[np.float64]:
    """The weighted power mean of `fuse`, shape (m,), of ranks (m, k) above 0."""
    shares = np.broadcast_to(np.asarray(weights, dtype=np.float64), ranks.shape[1:])
    return _power_mean(ranks, p, shares / shares.sum())


def fuse_proxies(names: Sequence[str], columns: ArrayLike, p: float = 0.0) -> NDArray[np.float64]:
    """`fuse` of the raw values of registered proxies, each with its own weight; shape (m,).

    Args:
        names: k proxies in `PROXIES`.
        columns: shape (m, k), their values for m members.
        p: exponent.

    Raises:
        CoernasError: as `fuse`; an unknown proxy.
    """
    return fuse(columns, p, weights_of(names))


def weights_of(names: Sequence[str]) -> list[float]:
    """How much each of some registered proxies counts in a fusion."""
    return [PROXIES[name].weight for name in names]


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ascending from 1, ties averaged; what `scipy.stats.rankdata` does, whose import takes a second."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _power_mean(ranks: NDArray[np.float64], p: float, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    low: NDArray[np.float64] = ranks.min(axis=1)
    high: NDArray[np.float64] = ranks.max(axis=1)
    if p == -math.inf:
        return low
    if p == math.inf:
        return high
    logs = np.log(ranks)
    if abs(p) < np.finfo(np.float64).tiny:
        mean = np.exp(logs @ shares)
    else:
        # Scaled by the dominant rank, so that no power overflows or vanishes; expm1 and log1p keep digits for small p.
        dominant = np.log(high if p > 0 else low)
        powers = np.expm1(p * (logs - dominant[:, None])) @ shares
        mean = np.exp(dominant + np.log1p(powers) / p)
    bounded: NDArray[np.float64] = np.clip(mean, low, high)
    return bounded
