"""Empirical attainment surfaces of two objectives: what a share of the runs reaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def attainment_surface(fronts: Sequence[NDArray[np.float64]], share: float) -> NDArray[np.float64]:
    """Corners of the boundary of what at least `share` of the runs dominate (Grunert da Fonseca et al. 2001).

    Args:
        fronts: one (n, 2) array a run, to be minimised; a run without points reaches nothing.
        share: above 0, at most 1; 0.5 is the median surface.

    Returns:
        Shape (k, 2), sorted by the first objective: the second is the best value reached at or below it.

    Example:
        >>> runs = [np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([[0.5, 1.5]])]
        >>> attainment_surface(runs, 1.0).tolist()
        [[0.5, 2.0], [1.0, 1.5]]
    """
    needed = max(1, int(np.ceil(share * len(fronts) - 1e-9)))
    corners = np.unique(np.concatenate([front[:, 0] for front in fronts]))
    best = np.full((len(fronts), len(corners)), np.inf)
    for run, front in enumerate(fronts):
        if not len(front):
            continue
        ordered = front[np.argsort(front[:, 0], kind="stable")]
        lowest = np.minimum.accumulate(ordered[:, 1])
        position = np.searchsorted(ordered[:, 0], corners, side="right") - 1
        best[run] = np.where(position >= 0, lowest[np.maximum(position, 0)], np.inf)
    level = np.sort(best, axis=0)[needed - 1]
    kept = np.isfinite(level) & (level < np.append(np.inf, np.minimum.accumulate(level)[:-1]))
    surface: NDArray[np.float64] = np.column_stack([corners[kept], level[kept]])
    return surface
