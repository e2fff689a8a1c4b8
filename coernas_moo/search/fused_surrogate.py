"""A surrogate of a score that is fused from several proxies: each is predicted by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coernas_moo.proxies.fusion import merge_ranks
from coernas_moo.search.surrogate import Encoded, Surrogate


@dataclass(frozen=True)
class Readings:
    """What the score of some members is fused from.

    Args:
        objective: position of the score among the objectives.
        ranks: by each proxy (n, proxies), above 0.
        p: exponent of the power mean.
        weights: of the proxies.
    """

    objective: int
    ranks: NDArray[np.float64]
    p: float
    weights: Sequence[float]


class FusedSurrogate:
    """A `Surrogate` of every proxy, and the score that their predictions fuse to.

    A proxy is a simpler function of the genotype than a mean of several, in which another may count most elsewhere.

    Args:
        members: n of them, at least 2.
        readings: theirs.
        rng: draws the members used where there are too many.
        earlier: as for `Surrogate`.
    """

    def __init__(
        self, members: Encoded, readings: Readings, rng: np.random.Generator, earlier: FusedSurrogate | None = None
    ) -> None:
        self.readings = readings
        before = None if earlier is None else earlier.proxies
        self.proxies: Surrogate = Surrogate(members, -readings.ranks, rng, before)

    def optimistic(self, candidates: Encoded, deviations: Sequence[float]) -> NDArray[np.float64]:
        """Predicted scores, negated, better than expected by so many standard deviations.

        Proxies are taken to err independently: what the deviations of each change by themselves is added in squares.
        (Where p is -inf and two proxies are worst alike, that is nothing.)

        Args:
            candidates: m of them.
            deviations: numbers of standard deviations, k of them.

        Returns:
            Shape (k, m).
        """
        ranks = -self.proxies.optimistic(candidates, (0.0, *deviations))
        expected, better = ranks[:, 0], ranks[:, 1:]
        score = self._fused(expected)
        gains = np.zeros(better.shape[1:])
        for proxy in range(len(ranks)):
            for place in np.flatnonzero(deviations):
                alone = expected.copy()
                alone[proxy] = better[proxy, place]
                gains[place] += (self._fused(alone) - score) ** 2
        return -(score + np.sqrt(gains))

    def _fused(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (m,) of ranks (proxies, m)."""
        return merge_ranks(ranks.T, self.readings.p, self.readings.weights)
