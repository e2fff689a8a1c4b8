"""Two genotypes are duplicates when their canonical forms are equal."""

from __future__ import annotations

from collections.abc import Callable

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

    def _do(self, pop: Population, other: Population | None, is_duplicate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        canonical = self.forms.canonical
        seen = set() if other is None else {canonical(individual.X).tobytes() for individual in other}
        for i, individual in enumerate(pop):
            form = canonical(individual.X)
            key = form.tobytes()
            is_duplicate[i] = key in seen or (other is None and self.known is not None and self.known(form))
            if other is None:
                seen.add(key)
        return is_duplicate
