"""How proxies are distributed over a space, estimated from a random sample: what a value is worth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

_AT_ONCE = 4096
"""Values that are compared with the whole sample at a time: memory is bounded by it."""


_LARGE = 1e150


class ProxyDistribution:
    """A smooth distribution function for each proxy.

    For n networks drawn at random, of which n' have a finite value r_j of the proxy, and with q = 1 - n' / n,

        F(v) = q + (1 - q) mean_j Phi((v - r_j) / h),  h = 1.06 min(standard deviation, interquartile range / 1.34)
        n'^(-1/5)

    and F = q / 2 for a v that is not finite: ties share the middle of their ranks. Phi is the normal distribution
    function and h the bandwidth that suits a normal density (Silverman 1986, section 3.4.2), with the standard
    deviation alone where the quartiles are equal, and 0 where all are. The rank is (n F(v) + 1/2) / (n + 1), above 0
    and below 1.

    Args:
        sample: values (n, k) of k proxies, higher is better.

    Example:
        >>> networks = np.array([[1.0], [2.0], [3.0], [4.0]])
        >>> ranks = ProxyDistribution(networks).ranks(np.array([[-9.0], [2.5], [9.0], [np.nan]]))
        >>> ranks.round(2).ravel().tolist()
        [0.1, 0.5, 0.9, 0.1]
    """

    def __init__(self, sample: NDArray[np.float64]) -> None:
        self.size = len(sample)
        # In order, so that the sum does not depend on the order of evaluation.
        self.columns = [np.sort(column[np.isfinite(column)]) for column in sample.T]

    def ranks(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ranks in (0, 1) of other networks' values (m, k); shape (m, k)."""
        shares = np.empty(values.shape)
        for column, known in enumerate(self.columns):
            missing = 1.0 - len(known) / self.size if self.size else 0.0
            finite = np.isfinite(values[:, column])
            shares[~finite, column] = missing / 2
            shares[finite, column] = missing + (1.0 - missing) * _share_below(values[finite, column], known)
        ranks: NDArray[np.float64] = (self.size * shares + 0.5) / (self.size + 1)
        return ranks


def _share_below(values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth share of the known values (in ascending order) that lie below each of the values (m,); shape (m,)."""
    largest = float(np.abs(known).max(initial=0.0))
    if largest > _LARGE:
        # Their squares would be infinite, and so would be what lies between two of them.
        values, known = values / largest, known / largest
    bandwidth = _bandwidth(known)
    if bandwidth == 0.0:
        below, up_to = (np.searchsorted(known, values, side=side) for side in ("left", "right"))
        return np.asarray((below + up_to) / 2 / max(1, len(known)))
    chunks = range(0, len(values), _AT_ONCE)
    shares = [ndtr((values[i : i + _AT_ONCE, None] - known) / bandwidth).mean(axis=1) for i in chunks]
    return np.concatenate([np.empty(0), *shares])


def _bandwidth(known: NDArray[np.float64]) -> float:
    if len(known) < 2:
        return 0.0
    deviation = float(known.std(ddof=1))
    lower, upper = np.quantile(known, [0.25, 0.75])
    spread = min(deviation, float(upper - lower) / 1.34) or deviation
    return 1.06 * spread / math.pow(len(known), 0.2)
