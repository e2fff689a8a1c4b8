"""Tournament selection with any pressure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.selection import Selection


class Tournament(Selection):  # type: ignore[misc]
    """The best of `pressure` members drawn at random: fewest violations, then objective or front, then crowding.

    Members that are equal in all of these win equally often.
    """

    def __init__(self, pressure: int) -> None:
        super().__init__()
        self.pressure = pressure

    def _do(
        self,
        problem: Problem,
        pop: Population,
        n_select: int,
        n_parents: int,
        *args: Any,
        random_state: np.random.Generator,
        **kwargs: Any,
    ) -> NDArray[np.int64]:
        standing = np.empty(len(pop), dtype=np.int64)
        standing[np.lexsort((random_state.random(len(pop)), *_keys(problem, pop)))] = np.arange(len(pop))
        pools = random_state.integers(0, len(pop), size=(n_select * n_parents, self.pressure))
        winners = pools[np.arange(len(pools)), standing[pools].argmin(axis=1)]
        chosen: NDArray[np.int64] = winners.reshape(n_select, n_parents)
        return chosen


def _keys(problem: Problem, pop: Population) -> tuple[NDArray[np.float64], ...]:
    """Sort keys, least important first."""
    violation = np.maximum(pop.get("CV")[:, 0].astype(float), 0.0)
    if problem.n_obj == 1:
        return pop.get("F")[:, 0].astype(float), violation
    crowding = np.array([-1.0 if value is None else value for value in pop.get("crowding")], dtype=float)
    fronts = np.array([0.0 if value is None else value for value in pop.get("rank")], dtype=float)
    return -crowding, fronts, violation
