"""NAS-Bench-201 as a pymoo problem whose true front is known: objectives read from the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymoo.indicators.hv import Hypervolume

from coernas_moo.config import ProblemFile
from coernas_moo.evaluation.table import TableCosts, TableEvaluator
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.networks.layers import Shape
from coernas_moo.search.archive import Archive
from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.problem import SearchProblem


class Reference:
    """The true front of a problem that was enumerated, and hypervolumes relative to it.

    Objectives are scaled by ideal and nadir of the true front, and the reference point is (1, ..., 1), as the field
    does it (Lu et al. 2022, "EvoXBench"); the worst of all values is the nadir where the front has one value only.

    Args:
        values: objective values of the whole space (n, objectives), to be minimised.
        worst: of all values (objectives,), where `values` are only some of them.

    Example:
        >>> reference = Reference(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [2.0, 2.0]]))
        >>> len(reference.front), reference.share(np.array([[1.0, 1.0]]))
        (3, 1.0)
    """

    def __init__(self, values: NDArray[np.float64], worst: NDArray[np.float64] | None = None) -> None:
        front = values[non_dominated(values)]
        self.front: NDArray[np.float64] = np.unique(front, axis=0)
        self.ideal, nadir = front.min(axis=0), front.max(axis=0)
        # So no share depends on a unit.
        self.nadir = np.where(nadir > self.ideal, nadir, values.max(axis=0) if worst is None else worst)
        self._span = np.where(self.nadir > self.ideal, self.nadir - self.ideal, 1.0)

    @cached_property
    def hypervolume(self) -> float:
        """Of the true front, in scaled objectives."""
        return self._volume(self.front)

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objective values with the ideal at 0 and the nadir at 1."""
        scaled: NDArray[np.float64] = (values - self.ideal) / self._span
        return scaled

    def share(self, values: NDArray[np.float64]) -> float:
        """Hypervolume of the points (n, objectives) as a share of the true front's.

        A true front of extremes alone has none: then the share of its points that some point is as good as.
        """
        if self.hypervolume:
            return self._volume(values) / self.hypervolume
        attained = np.any(np.all(values[None] <= self.front[:, None], axis=2), axis=1)
        return float(np.mean(attained))

    def _volume(self, values: NDArray[np.float64]) -> float:
        scaled = self.scaled(values)
        inside = scaled[(scaled < 1).all(axis=1)]
        if not len(inside):
            return 0.0
        if scaled.shape[1] == 2:
            return _area(inside)
        return float(Hypervolume(ref_point=np.ones(scaled.shape[1]))(inside[non_dominated(inside)]))


class TabularProblem(SearchProblem):
    """Minimise columns of the table over the NAS-Bench-201 space; no network is built.

    With `merge = false` in its `[space]` every row of the table counts as a network of its own, which is the field's
    convention: rows of equal functions were trained and measured apart and differ.

    Args:
        problem: its objectives are `error:<data set>` (validation), `test_error:<data set>`, `latency:<device>`,
            `energy:<device>`, `params` and `macs`.
        table: by default the one that `COERNAS_DATA` names.

    Raises:
        ProblemFileError: the space is not the table's.
        DataError: there is no table, or it lacks a column.
    """

    def __init__(self, problem: ProblemFile, table: TabularBenchmark | None = None) -> None:
        space = problem.space_settings.build(Shape(3, 32, 32), 10)
        self.table = TabularBenchmark.load() if table is None else table
        self.table_costs = TableCosts(problem, space, Path("no-snapshot"), self.table)
        super().__init__(space, TableEvaluator(self.table_costs), Archive.of(problem))

    @cached_property
    def reference(self) -> Reference:
        """The true front, by enumeration of what the space can reach within the limits."""
        return Reference(enumerated(self.table_costs, [o.name for o in self.archive.objectives]))


def enumerated(costs: TableCosts, objectives: Sequence[str]) -> NDArray[np.float64]:
    """Values of table objectives (n, objectives) for every network of the space that meets the limits."""
    every = np.stack(np.unravel_index(np.arange(costs.space.size()), costs.space.cardinalities), axis=1)
    rows = np.unique(costs.rows([costs.space.canonical(genotype) for genotype in every]))
    rows = rows[costs.feasible[rows]]
    return np.stack([costs.columns[name][rows] for name in objectives], axis=1)


def _area(points: NDArray[np.float64]) -> float:
    """Area that points (n, 2) dominate up to (1, 1)."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    lowest = np.minimum.accumulate(ordered[:, 1])
    right = np.append(ordered[1:, 0], 1.0)
    return float(((right - ordered[:, 0]) * (1.0 - lowest)).sum())
