"""A Gaussian process on genotypes: what a candidate's objective will probably be, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, eigh, solve_triangular
from scipy.special import ndtri

DECAYS = (0.05, 0.1, 0.2, 0.4, 0.8)
SPREADS = (0.03, 0.1, 0.3)
NOISES = (1e-3, 1e-2, 5e-2)
MOST_TUNED, MOST_USED = 200, 600
"""Members on which a tuning is chosen, and members the process is conditioned on: its cost is cubic."""

LASTS = 1.25
"""A tuning is kept until there are so many times as many members as it was chosen on."""


@dataclass(frozen=True)
class Tuning:
    """Parameters of the kernel, and the number of members on which they were chosen.

    Args:
        decay: of the part that compares genes, a gene that differs.
        spread: of the part that compares counts, a unit of squared distance.
        noise: variance of what genotypes do not explain, in signal variances.
        members: in the archive at the time.
    """

    decay: float
    spread: float
    noise: float
    members: int

    def lasts(self, members: int) -> bool:
        """Whether it still does for so many members."""
        return members < LASTS * self.members

    def covariance(self, a: Encoded, b: Encoded) -> NDArray[np.float64]:
        """Shape (rows of a, rows of b): exp(-decay x genes that differ), exp(-spread x squared distance of counts),
        half of each."""
        genes: NDArray[np.float64] = np.exp(-self.decay * a.differences(b)) + np.exp(-self.spread * a.distances(b))
        return 0.5 * genes


class Encoded:
    """Genotypes with categorical genes, and how often each option occurs in each segment.

    Args:
        codes: (n, genes).
        cardinalities: options of each gene.
        segments: where each segment stands; the genes of one have the same options.
    """

    def __init__(self, codes: NDArray[np.int64], cardinalities: NDArray[np.int64], segments: Sequence[slice]) -> None:
        self.genes = codes.shape[1]
        starts = np.cumsum(cardinalities) - cardinalities
        self.one_hot = np.zeros((len(codes), int(cardinalities.sum())))
        self.one_hot[np.arange(len(codes))[:, None], codes + starts] = 1.0
        counts = [
            self.one_hot[:, int(starts[where][0]) : int(starts[where][-1] + cardinalities[where][-1])]
            .reshape(len(codes), len(starts[where]), -1)
            .sum(axis=1)
            for where in segments
        ]
        self.counts: NDArray[np.float64] = np.concatenate(counts, axis=1)

    def rows(self, chosen: NDArray[np.int64]) -> Encoded:
        """Some of them."""
        part = object.__new__(Encoded)
        part.genes, part.one_hot, part.counts = self.genes, self.one_hot[chosen], self.counts[chosen]
        return part

    def differences(self, others: Encoded) -> NDArray[np.float64]:
        """Genes in which each of these differs from each of the others."""
        equal: NDArray[np.float64] = self.one_hot @ others.one_hot.T
        differences: NDArray[np.float64] = self.genes - equal
        return differences

    def distances(self, others: Encoded) -> NDArray[np.float64]:
        """Squared Euclidean distances of the counts."""
        own, their = (self.counts**2).sum(axis=1), (others.counts**2).sum(axis=1)
        distances: NDArray[np.float64] = np.maximum(own[:, None] + their - 2.0 * self.counts @ others.counts.T, 0.0)
        return distances


class Surrogate:
    """Regression of normal scores by a kernel that compares genes one by one, and the counts of their options.

    Values are replaced by the normal quantiles of their ranks, so that a few very bad members do not drown the
    differences among good ones, and predictions are carried back by interpolation. What an option does often matters
    more than where it stands: hence the counts. The parameters maximise the marginal likelihood (Rasmussen &
    Williams 2006, equation 5.8, the signal variance in closed form) over a grid.

    Args:
        members: n of them, at least 2.
        values: (n,), finite.
        rng: draws the members used where there are too many.
        tuning: an earlier one, taken while it lasts.

    Example:
        >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> members = Encoded(codes, np.array([2, 2]), [slice(0, 1), slice(1, 2)])
        >>> process = Surrogate(members, np.array([0.0, 1.0, 10.0, 11.0]), np.random.default_rng(0))
        >>> process.optimistic(members, [0.0])[0].argsort().tolist()
        [0, 1, 2, 3]
    """

    def __init__(
        self, members: Encoded, values: NDArray[np.float64], rng: np.random.Generator, tuning: Tuning | None = None
    ) -> None:
        everybody = len(values)
        if everybody > MOST_USED:
            # The best stay: they decide which candidates look promising.
            order = np.argsort(values, kind="stable")
            kept = np.append(
                order[: MOST_USED // 2], rng.choice(order[MOST_USED // 2 :], MOST_USED // 2, replace=False)
            )
            members, values = members.rows(kept), values[kept]
        n = len(values)
        self.members = members
        self.values = np.sort(values)
        self.scores = ndtri((np.arange(n) + 0.5) / n)
        # Equal values share the middle of their scores.
        first, last = np.searchsorted(self.values, values), np.searchsorted(self.values, values, side="right") - 1
        targets = (self.scores[first] + self.scores[last]) / 2
        if tuning is None or not tuning.lasts(everybody):
            tuned = np.arange(n) if n <= MOST_TUNED else rng.choice(n, MOST_TUNED, replace=False)
            tuning = _most_likely(members.rows(tuned), targets[tuned], everybody)
        self.tuning = tuning
        covariance = tuning.covariance(members, members) + tuning.noise * np.eye(n)
        self.root = np.linalg.cholesky(covariance)
        self.weights = cho_solve((self.root, True), targets)
        self.variance = max(float(targets @ self.weights) / n, 1e-12)

    def optimistic(self, candidates: Encoded, deviations: Sequence[float]) -> NDArray[np.float64]:
        """Predicted means less so many predictive standard deviations (noise included), in units of the values.

        Args:
            candidates: m of them.
            deviations: numbers of standard deviations, k of them.

        Returns:
            Shape (k, m).
        """
        covariance = self.tuning.covariance(candidates, self.members)
        explained = solve_triangular(self.root, covariance.T, lower=True, check_finite=False)
        variance = np.maximum(0.0, 1.0 - (explained**2).sum(axis=0)) + self.tuning.noise
        mean, deviation = covariance @ self.weights, np.sqrt(self.variance * variance)
        scores = mean - np.asarray(deviations)[:, None] * deviation
        predicted: NDArray[np.float64] = np.interp(scores, self.scores, self.values)
        return predicted


def _most_likely(members: Encoded, targets: NDArray[np.float64], everybody: int) -> Tuning:
    """The parameters of the highest marginal likelihood."""
    n = len(targets)
    best, chosen = -np.inf, Tuning(DECAYS[0], SPREADS[0], NOISES[-1], everybody)
    for decay in DECAYS:
        for spread in SPREADS:
            tried = Tuning(decay, spread, 0.0, everybody)
            eigenvalues, vectors = eigh(tried.covariance(members, members), check_finite=False)
            energy = (vectors.T @ targets) ** 2
            for noise in NOISES:
                spectrum = np.maximum(eigenvalues, 0.0) + noise
                variance = max(float((energy / spectrum).mean()), 1e-12)
                likelihood = -0.5 * (n * np.log(variance) + float(np.log(spectrum).sum()))
                if likelihood > best:
                    best, chosen = likelihood, Tuning(decay, spread, noise, everybody)
    return chosen
