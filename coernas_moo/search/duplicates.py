"""Two genotypes are duplicates when their canonical forms are equal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.population import Population

from coernas_moo.spaces import Genotype, SearchSpace

REMEMBERED = 8192
"""Genotypes whose canonical forms are kept: survivors are compared with in every generation."""


class CanonicalDuplicates(DuplicateElimination):  # type: ignore[misc]
    """Drops members whose canonical genotype has been seen: earlier in the population, in the others, or in the run.

    Args:
        space: its canonical form.
        known: whether a canonical genotype was evaluated before in the run.
    """

    def __init__(self, space: SearchSpace, known: Callable[[Genotype], bool] | None = None) -> None:
        super().__init__()
        self.space = space
        self.known = known
        self._remembered: dict[bytes, Genotype] = {}

    def _do(self, pop: Population, other: Population | None, is_duplicate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        seen = set() if other is None else {self._canonical(individual).tobytes() for individual in other}
        for i, individual in enumerate(pop):
            canonical = self._canonical(individual)
            key = canonical.tobytes()
            is_duplicate[i] = key in seen or (other is None and self.known is not None and self.known(canonical))
            if other is None:
                seen.add(key)
        return is_duplicate

    def _canonical(self, individual: object) -> Genotype:
        codes = np.rint(individual.X).astype(np.int64)  # type: ignore[attr-defined]
        key = codes.tobytes()
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = self.space.canonical(codes)
        return self._remembered[key]
