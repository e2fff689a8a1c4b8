"""Pareto dominance and hypervolume of objective values to be minimised."""

from __future__ import annotations

import numpy as np
from moocore import is_nondominated
from numpy.typing import NDArray
from pymoo.indicators.hv import Hypervolume


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of `values` (n, objectives) no other row dominates; equal rows do not dominate each other.

    Example:
        >>> non_dominated(np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 4.0]])).tolist()
        [True, True, False]
    """
    kept: NDArray[np.bool_] = is_nondominated(values, keep_weakly=True)
    return kept


def normalised_hypervolume(front: NDArray[np.float64], everything: NDArray[np.float64]) -> float:
    """Hypervolume of `front` with every objective scaled to [0, 1] by the ranges of `everything`; reference point 1.

    Args:
        front: (n, objectives).
        everything: (m, objectives); gives ideal (column minimum) and nadir (column maximum).

    Example:
        >>> points = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [1.0, 1.0]])
        >>> normalised_hypervolume(points[:3], points)
        0.25
    """
    if not len(front):
        return 0.0
    ideal, nadir = everything.min(axis=0), everything.max(axis=0)
    span = np.where(nadir > ideal, nadir - ideal, 1.0)
    scaled = (front - ideal) / span
    return float(Hypervolume(ref_point=np.ones(front.shape[1]))(scaled))
