"""Genotypes of eight genes with four options, in two segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coernas_moo.search.surrogate import Encoded


def encoded(codes: NDArray[np.int64]) -> Encoded:
    return Encoded(codes, np.full(8, 4), [slice(0, 5), slice(5, 8)])


def additive(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Effects of eight genes of four options, none of them ordered by its code."""
    effects = np.random.default_rng(5).normal(size=(8, 4))
    return effects[np.arange(8), codes].sum(axis=1)


def proxies(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Three of them, the second against the first."""
    return np.stack([additive(codes), (codes == 3).sum(axis=1) - additive(codes), additive(codes[:, ::-1])], axis=1)
