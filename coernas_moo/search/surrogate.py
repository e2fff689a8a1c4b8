"""A Gaussian process on genotypes: what a candidate's objective will probably be, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import ndtri

DECAYS = (0.05, 0.1, 0.2, 0.4, 0.8)
SPREADS = (0.03, 0.1, 0.3)
NOISES = (1e-3, 1e-2, 5e-2)
BEST_SHARE = 10
"""The line beyond the best value runs through it and the value that one member in so many is better than."""

MOST_TUNED, MOST_USED = 150, 600
"""Members on which a tuning is chosen, and members the process is begun with: their cost is cubic."""

LASTS = 1.25
"""A process is extended until there are so many times as many members as it was begun with."""


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
        covariance: NDArray[np.float64] = np.exp(-self.decay * a.differences(b))
        covariance += np.exp(-self.spread * a.distances(b))
        covariance *= 0.5
        return covariance


class Encoded:
    """Genotypes with categorical genes, and how often each option occurs in each segment, and each larger part.

    Args:
        codes: (n, genes).
        cardinalities: options of each gene.
        segments: where each segment stands; the genes of one have the same options.
        parts: counts of larger parts (n, parts); none by default.
    """

    def __init__(
        self,
        codes: NDArray[np.int64],
        cardinalities: NDArray[np.int64],
        segments: Sequence[slice],
        parts: NDArray[np.float64] | None = None,
    ) -> None:
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
        self.counts: NDArray[np.float64] = np.concatenate(counts if parts is None else [*counts, parts], axis=1)

    def __len__(self) -> int:
        return len(self.one_hot)

    def rows(self, chosen: NDArray[np.int64] | slice) -> Encoded:
        """Some of them."""
        part = object.__new__(Encoded)
        part.genes, part.one_hot, part.counts = self.genes, self.one_hot[chosen], self.counts[chosen]
        return part

    def begins_with(self, others: Encoded) -> bool:
        """Whether the first of these are the others."""
        return len(others) <= len(self) and np.array_equal(self.one_hot[: len(others)], others.one_hot)

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
    differences among good ones, and predictions are carried back by interpolation, on a straight line beyond the best:
    were nothing predicted better than that, nothing that costs more would ever be worth trying. What an option does
    often matters more than where it stands: hence the counts. The parameters maximise the marginal likelihood
    (Rasmussen & Williams 2006, equation 5.8, the signal variance in closed form) over a grid.

    Args:
        members: n of them, at least 2.
        values: (n,), finite.
        rng: draws the members used where there are too many.
        earlier: of an archive to which members have been added since: its parameters and its factorisation are
            taken over while they last, which saves the cubic part of the cost.

    Example:
        >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> members = Encoded(codes, np.array([2, 2]), [slice(0, 1), slice(1, 2)])
        >>> process = Surrogate(members, np.array([0.0, 1.0, 10.0, 11.0]), np.random.default_rng(0))
        >>> process.optimistic(members, [0.0])[0].argsort().tolist()
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        members: Encoded,
        values: NDArray[np.float64],
        rng: np.random.Generator,
        earlier: Surrogate | None = None,
    ) -> None:
        self.archived = len(values)
        self.used: NDArray[np.int64]
        self.tuning: Tuning
        if earlier is not None and earlier.lasts(members):
            self.used = np.append(earlier.used, np.arange(earlier.archived, self.archived))
        else:
            earlier = None
            self.used = np.arange(self.archived) if self.archived <= MOST_USED else _some(values, rng)
        self.members, values = members.rows(self.used), values[self.used]
        n = len(values)
        self.values = np.sort(values)
        self.scores = ndtri((np.arange(n) + 0.5) / n)
        # Equal values share the middle of their scores.
        first, last = np.searchsorted(self.values, values), np.searchsorted(self.values, values, side="right") - 1
        targets = (self.scores[first] + self.scores[last]) / 2
        if earlier is None:
            tuned = np.arange(n) if n <= MOST_TUNED else rng.choice(n, MOST_TUNED, replace=False)
            self.tuning = _most_likely(self.members.rows(tuned), targets[tuned], self.archived)
            self.root = _root(self.tuning.covariance(self.members, self.members), self.tuning.noise)
        else:
            self.tuning = earlier.tuning
            self.root = self._extended(earlier)
        self.weights = cho_solve((self.root, True), targets, check_finite=False)
        self.variance = max(float(targets @ self.weights) / n, 1e-12)

    def lasts(self, members: Encoded) -> bool:
        """Whether it can be extended to so many members: not too many more, and the first of them its own."""
        kept = self.archived <= len(members) and self.tuning.lasts(len(members))
        return kept and members.rows(self.used).begins_with(self.members)

    def _extended(self, earlier: Surrogate) -> NDArray[np.float64]:
        """The Cholesky factor of a covariance of which the first rows have been factorised."""
        before, n = len(earlier.members), len(self.members)
        if before == n:
            return earlier.root
        new = self.members.rows(slice(before, None))
        root = np.zeros((n, n))
        root[:before, :before] = earlier.root
        cross = self.tuning.covariance(earlier.members, new)
        below = solve_triangular(earlier.root, cross, lower=True, check_finite=False).T
        root[before:, :before] = below
        root[before:, before:] = _root(self.tuning.covariance(new, new) - below @ below.T, self.tuning.noise)
        return root

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
        # Through the best and the member at the best tenth: neighbours of the best may lie far off or be equal.
        tenth = max(1, len(self.values) // BEST_SHARE)
        slope = (self.values[tenth] - self.values[0]) / (self.scores[tenth] - self.scores[0])
        predicted -= slope * np.maximum(self.scores[0] - scores, 0.0)
        return predicted


def _some(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """`MOST_USED` members, in order. The best are among them: they decide which candidates look promising."""
    order = np.argsort(values, kind="stable")
    others = rng.choice(order[MOST_USED // 2 :], MOST_USED // 2, replace=False)
    some: NDArray[np.int64] = np.sort(np.append(order[: MOST_USED // 2], others))
    return some


def _root(covariance: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Cholesky factor, lower, of the covariance with the noise on its diagonal."""
    root: NDArray[np.float64] = cholesky(covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False)
    return root


def _most_likely(members: Encoded, targets: NDArray[np.float64], archived: int) -> Tuning:
    """The parameters of the highest marginal likelihood."""
    n = len(targets)
    differences, distances = members.differences(members), members.distances(members)
    by_genes = [np.exp(-decay * differences) for decay in DECAYS]
    by_counts = [np.exp(-spread * distances) for spread in SPREADS]
    best, chosen = -np.inf, Tuning(DECAYS[0], SPREADS[0], NOISES[-1], archived)
    for decay, genes in zip(DECAYS, by_genes, strict=True):
        for spread, counts in zip(SPREADS, by_counts, strict=True):
            covariance = 0.5 * (genes + counts)
            for noise in NOISES:
                root = _root(covariance, noise)
                whitened = solve_triangular(root, targets, lower=True, check_finite=False)
                variance = max(float(whitened @ whitened) / n, 1e-12)
                likelihood = -0.5 * n * np.log(variance) - float(np.log(np.diag(root)).sum())
                if likelihood > best:
                    best, chosen = likelihood, Tuning(decay, spread, noise, archived)
    return chosen
