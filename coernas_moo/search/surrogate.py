"""A Gaussian process on genotypes: what a candidate's objective will probably be, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, eigh, solve_triangular
from scipy.special import ndtri

DECAYS = (0.05, 0.1, 0.2, 0.4, 0.8)
NOISES = (1e-3, 1e-2, 5e-2)
MOST_TUNED, MOST_USED = 200, 600
"""Members on which decay and noise are chosen, and members the process is conditioned on: its cost is cubic."""


class Surrogate:
    """Regression of normal scores with the kernel exp(-decay x Hamming distance), which treats genes as categories.

    Values are replaced by the normal quantiles of their ranks, so that a few very bad members do not drown the
    differences among good ones, and predictions are carried back by interpolation. Decay and noise maximise the
    marginal likelihood (Rasmussen & Williams 2006, equation 5.8, the signal variance in closed form) over a grid.

    Args:
        features: (n, genes) codes, n at least 2.
        values: (n,), finite.
        rng: draws the members used where there are too many.

    Example:
        >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> process = Surrogate(codes, np.array([0.0, 1.0, 10.0, 11.0]), np.random.default_rng(0))
        >>> process.optimistic(codes, [0.0])[0].argsort().tolist()
        [0, 1, 2, 3]
    """

    def __init__(self, features: NDArray[np.int64], values: NDArray[np.float64], rng: np.random.Generator) -> None:
        if len(values) > MOST_USED:
            # The best stay: they decide which candidates look promising.
            order = np.argsort(values, kind="stable")
            kept = np.append(
                order[: MOST_USED // 2], rng.choice(order[MOST_USED // 2 :], MOST_USED // 2, replace=False)
            )
            features, values = features[kept], values[kept]
        n = len(values)
        self.features = features
        self.values = np.sort(values)
        self.scores = ndtri((np.arange(n) + 0.5) / n)
        # Equal values share the middle of their scores.
        first, last = np.searchsorted(self.values, values), np.searchsorted(self.values, values, side="right") - 1
        targets = (self.scores[first] + self.scores[last]) / 2
        tuned = np.arange(n) if n <= MOST_TUNED else rng.choice(n, MOST_TUNED, replace=False)
        self.decay, noise, self.variance = _most_likely(features[tuned], targets[tuned])
        self.noise = noise
        covariance = np.exp(-self.decay * _hamming(features, features)) + noise * np.eye(n)
        self.root = np.linalg.cholesky(covariance)
        self.weights = cho_solve((self.root, True), targets)

    def optimistic(self, features: NDArray[np.int64], deviations: Sequence[float]) -> NDArray[np.float64]:
        """Predicted means less so many predictive standard deviations (noise included), in units of the values.

        Args:
            features: (m, genes) codes.
            deviations: numbers of standard deviations, k of them.

        Returns:
            Shape (k, m).
        """
        covariance = np.exp(-self.decay * _hamming(features, self.features))
        explained = solve_triangular(self.root, covariance.T, lower=True, check_finite=False)
        variance = np.maximum(0.0, 1.0 - (explained**2).sum(axis=0)) + self.noise
        mean, deviation = covariance @ self.weights, np.sqrt(self.variance * variance)
        scores = mean - np.asarray(deviations)[:, None] * deviation
        predicted: NDArray[np.float64] = np.interp(scores, self.scores, self.values)
        return predicted


def _hamming(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    distance = np.zeros((len(a), len(b)), dtype=np.int64)
    for gene in range(a.shape[1]):
        distance += a[:, gene, None] != b[None, :, gene]
    return distance


def _most_likely(features: NDArray[np.int64], targets: NDArray[np.float64]) -> tuple[float, float, float]:
    """Decay, noise and signal variance of the highest marginal likelihood."""
    distance, n = _hamming(features, features), len(targets)
    best, chosen = -np.inf, (DECAYS[0], NOISES[-1], 1.0)
    for decay in DECAYS:
        eigenvalues, vectors = eigh(np.exp(-decay * distance), check_finite=False)
        energy = (vectors.T @ targets) ** 2
        for noise in NOISES:
            spectrum = np.maximum(eigenvalues, 0.0) + noise
            variance = max(float((energy / spectrum).mean()), 1e-12)
            likelihood = -0.5 * (n * np.log(variance) + float(np.log(spectrum).sum()))
            if likelihood > best:
                best, chosen = likelihood, (decay, noise, variance)
    return chosen
