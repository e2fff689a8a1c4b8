"""A Gaussian process on genotypes: what a candidate's objective will probably be, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def covariance(self, differences: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """exp(-decay x genes that differ), exp(-spread x squared distance of counts), half of each."""
        covariance: NDArray[np.float64] = np.exp(-self.decay * differences)
        covariance += np.exp(-self.spread * distances)
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

    def compared(self, others: Encoded) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a covariance depends on: `differences` and `distances`."""
        return self.differences(others), self.distances(others)


class Surrogate:
    """Regression of normal scores by a kernel that compares genes one by one, and the counts of their options.

    Values are replaced by the normal quantiles of their ranks, so that a few very bad members do not drown the
    differences among good ones, and predictions are carried back by interpolation, on a straight line beyond the best:
    were nothing predicted better than that, nothing that costs more would ever be worth trying. What an option does
    often matters more than where it stands: hence the counts. The parameters maximise the marginal likelihood
    (Rasmussen & Williams 2006, equation 5.8, the signal variance in closed form) over a grid, for every column of
    values by itself.

    Args:
        members: n of them, at least 2.
        values: (n, columns), finite.
        rng: draws the members used where there are too many.
        earlier: of an archive to which members have been added since: its parameters and its factorisations are
            taken over while they last, which saves the cubic part of the cost.

    Example:
        >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> members = Encoded(codes, np.array([2, 2]), [slice(0, 1), slice(1, 2)])
        >>> process = Surrogate(members, np.array([[0.0], [1.0], [10.0], [11.0]]), np.random.default_rng(0))
        >>> process.optimistic(members, [0.0])[0, 0].argsort().tolist()
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
        if earlier is not None and earlier.lasts(members):
            self.used = np.append(earlier.used, np.arange(earlier.archived, self.archived))
        else:
            earlier = None
            self.used = np.arange(self.archived) if self.archived <= MOST_USED else _some(values, rng)
        self.members, values = members.rows(self.used), values[self.used]
        n = len(values)
        self.values = np.sort(values, axis=0)
        self.scores = _quantiles(n)
        targets = _normal_scores(values)
        if earlier is None:
            tuned = np.arange(n) if n <= MOST_TUNED else rng.choice(n, MOST_TUNED, replace=False)
            self.tunings = _most_likely(self.members.rows(tuned), targets[tuned], self.archived)
            alike = self.members.compared(self.members)
            # Columns of the same parameters share a factor.
            self.roots: Mapping[Tuning, NDArray[np.float64]] = {
                tuning: _root(tuning.covariance(*alike), tuning.noise) for tuning in dict.fromkeys(self.tunings)
            }
        else:
            self.tunings = earlier.tunings
            self.roots = self._extended(earlier)
        solved = [
            cho_solve((self.roots[tuning], True), column, check_finite=False)
            for tuning, column in zip(self.tunings, targets.T, strict=True)
        ]
        self.weights = np.stack(solved, axis=1)
        self.variances = np.maximum((targets * self.weights).sum(axis=0) / n, 1e-12)

    def lasts(self, members: Encoded) -> bool:
        """Whether it can be extended to so many members: not too many more, and the first of them its own."""
        kept = self.archived <= len(members) and self.tunings[0].lasts(len(members))
        return kept and members.rows(self.used).begins_with(self.members)

    def _extended(self, earlier: Surrogate) -> Mapping[Tuning, NDArray[np.float64]]:
        """The Cholesky factors of covariances of which the first rows have been factorised."""
        before, n = len(earlier.members), len(self.members)
        if before == n:
            return earlier.roots
        new = self.members.rows(slice(before, None))
        old_and_new, among_new = earlier.members.compared(new), new.compared(new)
        roots = {}
        for tuning, known in earlier.roots.items():
            root = roots[tuning] = np.zeros((n, n))
            root[:before, :before] = known
            cross = tuning.covariance(*old_and_new)
            below = solve_triangular(known, cross, lower=True, check_finite=False).T
            root[before:, :before] = below
            root[before:, before:] = _root(tuning.covariance(*among_new) - below @ below.T, tuning.noise)
        return roots

    def optimistic(self, candidates: Encoded, deviations: Sequence[float]) -> NDArray[np.float64]:
        """Predicted means less so many predictive standard deviations (noise included), in units of the values.

        Args:
            candidates: m of them.
            deviations: numbers of standard deviations, k of them.

        Returns:
            Shape (columns, k, m).
        """
        times = np.asarray(deviations)[:, None]
        compared = candidates.compared(self.members)
        predicted = np.empty((len(self.tunings), len(deviations), len(candidates)))
        for tuning, root in self.roots.items():
            covariance = tuning.covariance(*compared)
            explained = solve_triangular(root, covariance.T, lower=True, check_finite=False)
            unexplained = np.maximum(0.0, 1.0 - (explained**2).sum(axis=0)) + tuning.noise
            for column in (i for i, own in enumerate(self.tunings) if own == tuning):
                deviation = np.sqrt(self.variances[column] * unexplained)
                scores = covariance @ self.weights[:, column] - times * deviation
                predicted[column] = self._carried_back(scores, self.values[:, column])
        return predicted

    def _carried_back(self, scores: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (in ascending order at `self.scores`) that belong to other scores."""
        # Through the best and the member at the best tenth: neighbours of the best may lie far off or be equal.
        tenth = max(1, len(values) // BEST_SHARE)
        slope = (values[tenth] - values[0]) / (self.scores[tenth] - self.scores[0])
        within: NDArray[np.float64] = np.interp(scores, self.scores, values)
        beyond: NDArray[np.float64] = slope * np.maximum(self.scores[0] - scores, 0.0)
        return within - beyond


def _quantiles(n: int) -> NDArray[np.float64]:
    """Normal quantiles of n ranks, ascending."""
    quantiles: NDArray[np.float64] = ndtri((np.arange(n) + 0.5) / n)
    return quantiles


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of ranks (n, columns); equal values share the middle of theirs."""
    scores = _quantiles(len(values))
    columns = []
    for column in values.T:
        ordered = np.sort(column)
        first, last = np.searchsorted(ordered, column), np.searchsorted(ordered, column, side="right") - 1
        columns.append((scores[first] + scores[last]) / 2)
    return np.stack(columns, axis=1)


def _some(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """`MOST_USED` members, in order. Those that are best on the whole, by the sum of their normal scores over the
    columns, are among them: they decide which candidates look promising."""
    order = np.argsort(_normal_scores(values).sum(axis=1), kind="stable")
    others = rng.choice(order[MOST_USED // 2 :], MOST_USED // 2, replace=False)
    some: NDArray[np.int64] = np.sort(np.append(order[: MOST_USED // 2], others))
    return some


def _root(covariance: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Cholesky factor, lower, of the covariance with the noise on its diagonal."""
    root: NDArray[np.float64] = cholesky(covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False)
    return root


def _most_likely(members: Encoded, targets: NDArray[np.float64], archived: int) -> list[Tuning]:
    """The parameters of the highest marginal likelihood, for each column of targets (n, columns)."""
    n, columns = targets.shape
    differences, distances = members.compared(members)
    by_genes = [np.exp(-decay * differences) for decay in DECAYS]
    by_counts = [np.exp(-spread * distances) for spread in SPREADS]
    best = np.full(columns, -np.inf)
    chosen = [Tuning(DECAYS[0], SPREADS[0], NOISES[-1], archived)] * columns
    for decay, genes in zip(DECAYS, by_genes, strict=True):
        for spread, counts in zip(SPREADS, by_counts, strict=True):
            covariance = 0.5 * (genes + counts)
            for noise in NOISES:
                root = _root(covariance, noise)
                whitened = solve_triangular(root, targets, lower=True, check_finite=False)
                variances = np.maximum((whitened**2).sum(axis=0) / n, 1e-12)
                likelihoods = -0.5 * n * np.log(variances) - float(np.log(np.diag(root)).sum())
                for column in np.flatnonzero(likelihoods > best):
                    best[column], chosen[column] = likelihoods[column], Tuning(decay, spread, noise, archived)
    return chosen
