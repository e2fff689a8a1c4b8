"""Two genotypes are duplicates when their canonical forms are equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.population import Population

from coernas_moo.search.forms import Forms
from coernas_moo.spaces import Genotype, SearchSpace


class CanonicalDuplicates(DuplicateElimination):  # type: ignore[misc]
    """Drops members whose canonical genotype has been seen: earlier in the population, in the others, or in the run.

    Args:
        space: its canonical form.
        known: whether a canonical genotype was evaluated before in the run.
        forms: of the space, where others use them too.
    """

    def __init__(
        self,
        space: SearchSpace,
        known: Callable[[Genotype], bool] | None = None,
        forms: Forms | None = None,
    ) -> None:
        super().__init__()
        self.known = known
        self.forms = Forms(space) if forms is None else forms

    def new(self, canonical: NDArray[np.int64], seen: Iterable[bytes] = ()) -> NDArray[np.bool_]:
        """Which of these canonical genotypes (n, genes) have neither been seen, nor earlier among them, nor in the run.

        Args:
            canonical: (n, genes).
            seen: `keys` of those that have been seen.
        """
        there = set(seen)
        new = np.zeros(len(canonical), dtype=bool)
        for i, key in enumerate(keys(canonical)):
            if key not in there:
                there.add(key)
                new[i] = self.known is None or not self.known(canonical[i])
        return new

    def _do(self, pop: Population, other: Population | None, is_duplicate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        canonical = self.forms.canonical_rows(pop.get("X"))
        if other is None:
            return ~self.new(canonical)
        seen = set(keys(self.forms.canonical_rows(other.get("X"))))
        return np.array([key in seen for key in keys(canonical)], dtype=bool)


def keys(genotypes: NDArray[np.int64]) -> list[bytes]:
    """Each genotype (n, genes) as what can stand in a set."""
    flat, width = genotypes.tobytes(), genotypes.itemsize * genotypes.shape[1]
    return [flat[start : start + width] for start in range(0, len(flat), width)]
