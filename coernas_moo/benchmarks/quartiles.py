"""Median and quartiles of searches, some of which may never have reached what is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Summary:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: ArrayLike) -> Summary:
        """Of a sample, shape (n,): of an even number the median is the mean of the two middle values.

        Quantiles are interpolated linearly (definition 7 of Hyndman & Fan 1996, numpy's default). Infinite values
        count as worst: what lies beside one is infinite too. NaN among the values makes all three NaN.

        Example:
            >>> Summary.of([1, 2, 3, 4])
            Summary(median=2.5, low=1.75, high=3.25)
            >>> Summary.of([10, 20, float("inf"), float("inf")]).median
            inf
        """
        ordered = np.sort(np.asarray(values, dtype=float))
        return cls(_quantile(ordered, 0.5), _quantile(ordered, 0.25), _quantile(ordered, 0.75))


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    # np.quantile takes differences, and infinity less infinity is NaN.
    if np.isnan(ordered[-1]):
        return float("nan")
    below, beyond = divmod(share * (len(ordered) - 1), 1.0)
    first = float(ordered[int(below)])
    return first if beyond == 0 else (1.0 - beyond) * first + beyond * float(ordered[int(below) + 1])
