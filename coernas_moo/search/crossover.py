"""Crossover that keeps the segments apart: each is exchanged by its own operator with its own probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.crossover import Crossover
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.variable import get
from pymoo.util import default_random_state

from coernas_moo.search.quality import quality
from coernas_moo.spaces import SearchSpace, Segment


class SegmentCrossover(Crossover):  # type: ignore[misc]
    """Two parents, two offspring. A segment is exchanged with its probability: two-point or single-point, as it says.

    Two-point swaps the genes between two cuts, single-point those after one cut; a segment of one gene is swapped
    whole. Offspring carry the mean `quality` of their parents, which `AdaptiveMutation` reads. Works with any
    pymoo algorithm on integer matrices.

    Args:
        space: its segments.
        prob: probability by segment name.
        default: for segments that `prob` does not name.
    """

    def __init__(self, space: SearchSpace, prob: Mapping[str, float] | None = None, default: float = 0.8) -> None:
        super().__init__(n_parents=2, n_offsprings=2, prob=1.0)
        probabilities = prob or {}
        self.parts = [
            (segment, space.slices[segment.name], probabilities.get(segment.name, default))
            for segment in space.segments
        ]

    @default_random_state  # type: ignore[untyped-decorator]
    def do(
        self,
        problem: Problem,
        pop: NDArray[Any],
        parents: NDArray[np.int64] | None = None,
        *args: Any,
        random_state: np.random.Generator,
        algorithm: Any = None,
        **kwargs: Any,
    ) -> Population:
        """Offspring of pairs of individuals (matings, 2), as pymoo's operators do."""
        pairs = pop if parents is None else pop[parents]
        genotypes = np.array([[parent.X for parent in pair] for pair in pairs])
        offspring = Population.new("X", self.cross(genotypes, random_state))
        if algorithm is not None and algorithm.pop is not None:
            known = {id(member): value for member, value in zip(algorithm.pop, quality(algorithm.pop), strict=True)}
            of_pair = [float(np.mean([known.get(id(parent), 0.5) for parent in pair])) for pair in pairs]
            offspring.set("quality", np.tile(of_pair, self.n_offsprings))
        return offspring

    def cross(self, parents: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Offspring (2 x matings, genes) of pairs of genotypes (matings, 2, genes): all first ones, then all second."""
        offspring = np.swapaxes(parents, 0, 1).copy()
        crossed = rng.random(len(parents)) < get(self.prob, size=len(parents))
        if crossed.any():
            offspring[:, crossed] = self._do(None, offspring, random_state=rng)[:, crossed]
        return offspring.reshape(-1, parents.shape[-1])

    def _do(
        self, problem: Problem | None, X: NDArray[Any], *args: Any, random_state: np.random.Generator, **kwargs: Any
    ) -> NDArray[Any]:
        first, second = X[0], X[1]
        swap = np.zeros(first.shape, dtype=bool)
        for segment, where, probability in self.parts:
            swap[:, where] = _exchanged(segment, len(first), random_state)
            swap[random_state.random(len(first)) >= probability, where] = False
        return np.stack([np.where(swap, second, first), np.where(swap, first, second)])


def _exchanged(segment: Segment, matings: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which genes each mating swaps, shape (matings, genes of the segment): some, not all; a single gene always."""
    genes = len(segment)
    positions = np.arange(genes)
    if genes == 1:
        return np.ones((matings, 1), dtype=bool)
    start = rng.integers(0 if segment.crossover == "two-point" else 1, genes, size=(matings, 1))
    if segment.crossover == "single-point":
        return positions >= start
    length = rng.integers(1, genes, size=(matings, 1))
    # Cuts lie on a ring, so that every gene is equally likely to be exchanged.
    return (positions - start) % genes < length
