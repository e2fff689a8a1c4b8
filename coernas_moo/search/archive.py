"""Every distinct canonical genotype of a run, with scores that are ranks over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from coernas_moo.evaluation.record import Record
from coernas_moo.objectives import OBJECTIVES, Limit
from coernas_moo.proxies import fuse
from coernas_moo.search.dominance import non_dominated

WORST = 1e30
"""Objective value of a candidate without one; finite, since NaN and inf disturb pymoo's sorting."""


class Archive:
    """Records in order of evaluation; objective values F are to be minimised, constraint values G hold where <= 0.

    Args:
        objectives: names.
        limits: what must hold.
        proxies: names of the proxies that the score fuses.
        p: exponent of the power mean of ranks.
    """

    def __init__(self, objectives: Sequence[str], limits: Sequence[Limit], proxies: Sequence[str], p: float) -> None:
        self.objectives = [OBJECTIVES[name] for name in objectives]
        self.limits = tuple(limits)
        self.proxies = tuple(proxies)
        self.p = p
        self._records: dict[str, Record] = {}
        self._scores: dict[str, float] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, text: object) -> bool:
        return text in self._records

    def __getitem__(self, text: str) -> Record:
        return self._records[text]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    @property
    def records(self) -> list[Record]:
        """All records, those over a limit and failed ones included."""
        return list(self._records.values())

    @property
    def evaluations(self) -> int:
        """Number of candidates that were built or failed: what a budget counts."""
        return sum(not record.over_limit for record in self._records.values())

    @property
    def failures(self) -> list[Record]:
        """Records of candidates that could not be evaluated."""
        return [record for record in self._records.values() if record.failure is not None]

    def add(self, records: Iterable[Record]) -> None:
        """Add records; scores move."""
        for record in records:
            self._records[record.text] = record
        self._scores = None

    @property
    def scores(self) -> dict[str, float]:
        """Fused score in (0, 1] of every scored record, by genotype text."""
        if self._scores is None:
            scored = [record for record in self._records.values() if record.scored]
            columns = np.array([[record.proxies[name] for name in self.proxies] for record in scored], dtype=float)
            fused = fuse(columns.reshape(len(scored), len(self.proxies)), self.p)
            self._scores = {record.text: float(value) for record, value in zip(scored, fused, strict=True)}
        return self._scores

    def value(self, record: Record, objective: str) -> float:
        """Value of one objective, NaN where the record has none."""
        if objective == "score":
            return self.scores.get(record.text, float("nan"))
        return record.costs.get(objective, float("nan"))

    def objective_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """F, shape (n, objectives), to be minimised."""
        rows = [self._minimised(self._records[text]) for text in texts]
        return np.array(rows, dtype=float).reshape(len(texts), len(self.objectives))

    def constraint_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """G, shape (n, limits + 1): relative violations, then 1 for a candidate that could not be evaluated.

        A limit on a value that is not known is not met.
        """
        rows = []
        for text in texts:
            record = self._records[text]
            violations = [limit.violation(self.value(record, limit.objective)) for limit in self.limits]
            rows.append([*(1.0 if np.isnan(v) else v for v in violations), -1.0 if record.failure is None else 1.0])
        return np.array(rows, dtype=float).reshape(len(texts), len(self.limits) + 1)

    def ranked(self) -> list[str]:
        """Texts of the members that have a finite value of every objective, feasible or not."""
        texts = [record.text for record in self._records.values() if record.scored]
        complete = np.flatnonzero((self.objective_values(texts) < WORST).all(axis=1))
        return [texts[i] for i in complete]

    def front(self) -> list[str]:
        """Texts of the feasible members that none dominates, best first objective first; ties by genotype text."""
        texts = self.ranked()
        if not texts:
            return []
        feasible = np.flatnonzero((self.constraint_values(texts) <= 0).all(axis=1))
        texts = [texts[i] for i in feasible]
        values = self.objective_values(texts)
        chosen = np.flatnonzero(non_dominated(values))
        return [texts[i] for i in sorted(chosen, key=lambda i: (*values[i].tolist(), texts[i]))]

    def _minimised(self, record: Record) -> list[float]:
        if record.failure is not None:
            return [WORST] * len(self.objectives)
        values = []
        for objective in self.objectives:
            value = self.value(record, objective.name)
            values.append(objective.sign * value if np.isfinite(value) else WORST)
        return values
