"""How good each member of a population is, between 0 and 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from scipy.stats import rankdata


def quality(population: Population) -> NDArray[np.float64]:
    """1 for the best member, 0 for the worst, by rank; shape (n,).

    With one objective, by its value. With several, by non-dominated front (pymoo's survival leaves it as `rank`),
    so that no objective is favoured. Infeasible members come after all feasible ones. A population without
    survival behind it has quality 0.5 throughout.

    Args:
        population: evaluated.
    """
    n = len(population)
    if n < 2:
        return np.full(n, 0.5)
    values = population.get("F")
    violation = population.get("CV")[:, 0].astype(float)
    feasible = violation <= 0
    if values.shape[1] == 1:
        key = values[:, 0].astype(float)
    else:
        fronts = population.get("rank")
        # Survival ranks feasible members only.
        if any(front is None for front in fronts[feasible]):
            return np.full(n, 0.5)
        key = np.where(feasible, fronts, 0.0).astype(float)
    worst_feasible = np.max(key[feasible], initial=0.0)
    key = np.where(feasible, key, worst_feasible + 1.0 + violation)
    ranks = rankdata(key)
    if ranks.max() == ranks.min():
        return np.full(n, 0.5)
    quality: NDArray[np.float64] = (ranks.max() - ranks) / (ranks.max() - ranks.min())
    return quality
