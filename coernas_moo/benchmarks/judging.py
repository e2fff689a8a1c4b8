"""By what searches of a comparison are judged: the true front where a table knows it, else the best of all searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.tabular_problem import Reference, enumerated
from coernas_moo.benchmarks.trajectory import Trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.table import TableCosts, builds_networks
from coernas_moo.search.archive import Archive


class Judge:
    """Objective values by which searches are compared.

    On a table they are the searched ones. Where a score is searched and the table knows the true error, a search is
    judged by the true error of its front, which says what the score is worth, or by what it searched, which says what
    the search is worth. Scores by which all are judged are ranks by the first populations of all together.

    Args:
        problem: that was searched.
        costs: closed forms, or the table.
        records: of every network that was built for some search, by text; empty where the table said all.
        trajectories: of all algorithms and seeds.
        as_searched: judge by what was searched, even where the table knows the true error.

    Raises:
        CoernasError: no search found a network that meets the limits.
    """

    def __init__(
        self,
        problem: ProblemFile,
        costs: ClosedFormCosts,
        records: Mapping[str, Record],
        trajectories: Sequence[Trajectory],
        *,
        as_searched: bool = False,
    ) -> None:
        self.settings = problem
        self.objectives = problem.objectives
        builds = builds_networks(problem)
        self.exact = isinstance(costs, TableCosts) and not (builds and as_searched)
        self.first_sign = 1.0
        self._records = records
        self._fronts: dict[tuple[str, int, int], NDArray[np.float64]] = {}
        self._known: dict[tuple[str, int], NDArray[np.float64]] = {}
        self._growing: tuple[Trajectory | None, Archive] = (None, Archive.of(problem))
        if isinstance(costs, TableCosts) and self.exact:
            self.costs: TableCosts | None = costs
            if builds:
                self.objectives = tuple("error:cifar10" if name == "score" else name for name in self.objectives)
                # The true front is that of the table, whatever the search tells apart.
                true = ProblemFile(
                    problem.name,
                    problem.data,
                    {**problem.space, "merge": False},
                    objectives=self.objectives,
                    limits=problem.limits,
                )
                space = true.space_settings.build(costs.space.input_shape, costs.space.classes)
                self.costs = TableCosts(true, space, Path("no-snapshot"), costs.table)
            self._values = np.stack([self.costs.columns[name] for name in self.objectives], axis=1)
            self._values[~self.costs.feasible] = np.nan
            self.reference = Reference(enumerated(self.costs, self.objectives))
            return
        self.costs = None
        together = self._together(trajectories)
        ranked = together.ranked()
        feasible = np.flatnonzero((together.constraint_values(ranked) <= 0).all(axis=1))
        texts = [ranked[i] for i in feasible]
        if not texts:
            raise CoernasError("no search found a network that meets the limits: loosen them or raise --evaluations")
        self._by_text = dict(zip(texts, together.objective_values(texts), strict=True))
        self.first_sign = float(together.objectives[0].sign)
        front = np.stack([self._by_text[text] for text in together.front()])
        self.reference = Reference(front, np.max(list(self._by_text.values()), axis=0))

    def found(self, trajectory: Trajectory, evaluations: int) -> NDArray[np.float64]:
        """Values (n, objectives) that a search has to show after so many evaluations."""
        if self.costs is None or not self._records:
            return self.evaluated(trajectory, evaluations)
        key = (trajectory.algorithm, trajectory.seed, evaluations)
        if key not in self._fronts:
            self._fronts[key] = self._judged(self._front(trajectory, evaluations))
        return self._fronts[key]

    def evaluated(self, trajectory: Trajectory, evaluations: int) -> NDArray[np.float64]:
        """Values (n, objectives) of all that meets the limits of what a search has evaluated."""
        key = (trajectory.algorithm, trajectory.seed)
        if key not in self._known:
            self._known[key] = self._judged(trajectory.texts)
        values = self._known[key][:evaluations]
        return values[np.isfinite(values).all(axis=1)]

    def _judged(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Values (n, objectives), NaN in the rows of those that do not meet the limits."""
        if self.costs is not None:
            rows = np.array([self.costs.table.row(text) for text in texts], dtype=np.int64)
            values: NDArray[np.float64] = self._values[rows]
            return values
        unknown = np.full(len(self.objectives), np.nan)
        return np.array([self._by_text.get(text, unknown) for text in texts]).reshape(-1, len(self.objectives))

    def _front(self, trajectory: Trajectory, evaluations: int) -> list[str]:
        """Of what a search has evaluated, as it ranks that; asked for more and more, nothing is added twice."""
        whose, archive = self._growing
        if whose is not trajectory or len(archive) > evaluations:
            self._growing = _, archive = trajectory, Archive.of(self.settings, trajectory.first)
        archive.add(self._records[text] for text in trajectory.texts[len(archive) : evaluations])
        return archive.front()

    def _together(self, trajectories: Sequence[Trajectory]) -> Archive:
        """Everything that any search evaluated, first populations first."""
        first = dict.fromkeys(text for t in trajectories for text in t.texts[: t.first])
        texts = first | dict.fromkeys(text for t in trajectories for text in t.texts)
        archive = Archive.of(self.settings, len(first))
        archive.add(self._records[text] for text in texts)
        return archive
