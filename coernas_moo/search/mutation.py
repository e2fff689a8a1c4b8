"""Mutation that lets the genes of good parents be and stirs those of weak ones."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.variable import get
from pymoo.util import default_random_state

from coernas_moo.spaces import SearchSpace


class AdaptiveMutation(Mutation):  # type: ignore[misc]
    """Each gene takes another of its options with the segment's base rate x a factor of the parents' quality.

    factor = 1 at the median, falling linearly to `calm` for the best parents and rising to `wild` for the worst
    (after Srinivas and Patnaik 1994, who adapt the rate to the distance from the best and the mean fitness).
    A gene's rate is at most 0.5. A mutated gene always changes. Works with any pymoo algorithm; without
    `SegmentCrossover` before it, the factor is 1.

    Args:
        space: its segments.
        rates: base rate by segment name.
        default: for segments that `rates` does not name.
        calm, wild: see above.
    """

    def __init__(
        self,
        space: SearchSpace,
        rates: Mapping[str, float] | None = None,
        default: float = 0.05,
        calm: float = 0.5,
        wild: float = 2.0,
    ) -> None:
        super().__init__(prob=1.0)
        named = rates or {}
        self.cardinalities = space.cardinalities
        self.rates = np.concatenate([np.full(len(s), named.get(s.name, default)) for s in space.segments])
        self.calm, self.wild = calm, wild

    @default_random_state  # type: ignore[untyped-decorator]
    def do(
        self,
        problem: Problem,
        pop: Population,
        inplace: bool = True,
        *args: Any,
        random_state: np.random.Generator,
        **kwargs: Any,
    ) -> Population:
        """Mutate `pop`, in place where not told otherwise, as pymoo's operators do."""
        mutated = pop if inplace else deepcopy(pop)
        known = [individual.data.get("quality") for individual in pop]
        qualities = np.array([0.5 if value is None else value for value in known], dtype=float)
        mutated.set("X", self.mutate(pop.get("X"), qualities, random_state))
        return mutated

    def mutate(self, genotypes: NDArray[Any], qualities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
        """Mutants of genotypes (n, genes) whose parents have the `qualities` (n,)."""
        mutants = self._do(None, genotypes, random_state=rng, qualities=qualities)
        mutated = rng.random(len(genotypes)) <= get(self.prob, size=len(genotypes))
        return np.where(mutated[:, None], mutants, genotypes)

    def _do(
        self,
        problem: Problem | None,
        X: NDArray[Any],
        *args: Any,
        random_state: np.random.Generator,
        qualities: NDArray[np.float64],
        **kwargs: Any,
    ) -> NDArray[Any]:
        factor = np.interp(qualities, [0.0, 0.5, 1.0], [self.wild, 1.0, self.calm])
        rates = np.minimum(0.5, factor[:, None] * self.rates)
        mutate = (random_state.random(X.shape) < rates) & (self.cardinalities > 1)
        step = random_state.integers(1, np.maximum(2, self.cardinalities), size=X.shape)
        return np.where(mutate, (np.rint(X).astype(np.int64) + step) % self.cardinalities, X)
