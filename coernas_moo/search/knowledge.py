"""What a search knows without evaluating: its archive, and costs in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coernas_moo.search.archive import SCORE
from coernas_moo.search.fused_surrogate import Readings
from coernas_moo.search.surrogate import Encoded

if TYPE_CHECKING:
    from coernas_moo.search.problem import SearchProblem


class ArchiveKnowledge:
    """The `Knowledge` of a search problem."""

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem
        self._evaluated: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
        self._readings: Readings | None = None
        self._size = -1

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Canonical genotypes and current objective values of the feasible members of the archive."""
        archive, space = self._problem.archive, self._problem.space
        # Values move only as the archive grows.
        if self._evaluated is not None and self._size == len(archive):
            return self._evaluated
        texts = archive.ranked()
        feasible = np.flatnonzero((archive.constraint_values(texts) <= 0).all(axis=1))
        texts = [texts[i] for i in feasible]
        genotypes = np.array([self._problem.genotype(text) for text in texts], dtype=np.int64)
        genotypes = genotypes.reshape(-1, len(space.genes))
        names = [objective.name for objective in archive.objectives]
        if SCORE in names:
            ranks = archive.proxy_ranks(texts)
            self._readings = Readings(names.index(SCORE), ranks, archive.p, archive.weights)
        self._evaluated, self._size = (genotypes, archive.objective_values(texts)), len(archive)
        return self._evaluated

    def costs(self, canonical: NDArray[np.int64]) -> NDArray[np.float64]:
        """Closed-form objectives of canonical networks, NaN for the others."""
        objectives = self._problem.archive.objectives
        names = [objective.name for objective in objectives]
        signs = np.array([objective.sign for objective in objectives], dtype=float)
        values: NDArray[np.float64] = signs * self._problem.evaluator.costs.values(canonical, names)
        return values

    def readings(self) -> Readings | None:
        """The proxies' ranks of the members that `evaluated` tells."""
        self.evaluated()
        return self._readings

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        """Each genotype's function, and what it consists of."""
        space = self._problem.space
        functions = space.function_rows(canonical)
        parts = self._problem.forms.parts(functions)
        return Encoded(functions, space.cardinalities, list(space.slices.values()), parts)
