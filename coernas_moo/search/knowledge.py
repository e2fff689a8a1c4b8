"""What a search knows without evaluating: its archive, and costs in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coernas_moo.spaces import Genotype

if TYPE_CHECKING:
    from coernas_moo.search.problem import SearchProblem


class ArchiveKnowledge:
    """The `Knowledge` of a search problem."""

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem
        self._genotypes: dict[str, Genotype] = {}

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Canonical genotypes and current objective values of the feasible members of the archive."""
        archive, space = self._problem.archive, self._problem.space
        texts = archive.ranked()
        feasible = np.flatnonzero((archive.constraint_values(texts) <= 0).all(axis=1))
        texts = [texts[i] for i in feasible]
        for text in texts:
            if text not in self._genotypes:
                self._genotypes[text] = space.canonical(space.from_text(text))
        genotypes = np.array([self._genotypes[text] for text in texts], dtype=np.int64).reshape(-1, len(space.genes))
        return genotypes, archive.objective_values(texts)

    def costs(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Closed-form objectives of canonical networks, NaN for the others."""
        space, objectives = self._problem.space, self._problem.archive.objectives
        rows = self._problem.evaluator.costs.of([space.canonical(row) for row in genotypes])
        values = [[objective.sign * row.get(objective.name, np.nan) for objective in objectives] for row in rows]
        return np.array(values, dtype=float).reshape(len(genotypes), len(objectives))

    def features(self, genotypes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each genotype's function, as codes."""
        function = self._problem.space.function
        return np.array([function(row) for row in genotypes], dtype=np.int64).reshape(genotypes.shape)
