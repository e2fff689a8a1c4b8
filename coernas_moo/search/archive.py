"""Every distinct canonical genotype of a run, with scores that say where it stands in the space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from coernas_moo.config import ProblemFile
from coernas_moo.evaluation.record import Record
from coernas_moo.objectives import OBJECTIVES, Limit
from coernas_moo.proxies.distribution import ProxyDistribution
from coernas_moo.proxies.fusion import merge_ranks, weights_of
from coernas_moo.search.dominance import non_dominated

WORST = 1e30
"""Objective value of a candidate without one; finite, since NaN and inf disturb pymoo's sorting."""

SCORE = "score"
"""The objective that is no cost: it is fused from ranks."""


class Archive:
    """Records in order of evaluation; objective values F are to be minimised, constraint values G hold where <= 0.

    The first population is drawn from the whole space, what follows gathers where scores are high: ranks among all of
    them would say little. So a score fuses ranks by the first population, as an estimate of those in the space, and
    does not move as the archive grows.

    Args:
        objectives: names.
        limits: what must hold.
        proxies: names of the proxies that the score fuses.
        p: exponent of the power mean of ranks.
        first: how many networks, of those that were built or failed, are the first population; None: all there are,
            until `settle` is called.
    """

    def __init__(
        self,
        objectives: Sequence[str],
        limits: Sequence[Limit],
        proxies: Sequence[str],
        p: float,
        first: int | None = None,
    ) -> None:
        self.objectives = [OBJECTIVES[name] for name in objectives]
        self.limits = tuple(limits)
        self.proxies = tuple(proxies)
        self.weights = weights_of(self.proxies)
        self.p = p
        self.first = first
        self._names = list(dict.fromkeys(name for name in self._asked_for() if name != SCORE))
        self._records: dict[str, Record] = {}
        self._positions: dict[str, int] = {}
        self._costs: list[list[float]] = []
        self._proxies: list[list[float]] = []
        self._evaluations = 0
        self._distribution: ProxyDistribution | None = None
        self._ranks: NDArray[np.float64] | None = None
        self._scores: NDArray[np.float64] | None = None
        self._minimised: NDArray[np.float64] | None = None
        self._violations: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, problem: ProblemFile, first: int | None = None) -> Archive:
        """An empty archive of a problem's objectives."""
        return cls(problem.objectives, problem.parsed_limits, problem.score.proxies, problem.score.p, first)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, text: object) -> bool:
        return text in self._records

    def __getitem__(self, text: str) -> Record:
        return self._records[text]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    @property
    def evaluations(self) -> int:
        """Number of candidates that were built or failed: what a budget counts."""
        return self._evaluations

    @property
    def failures(self) -> list[Record]:
        """Records of candidates that could not be evaluated."""
        return [record for record in self._records.values() if record.failure is not None]

    def add(self, records: Iterable[Record]) -> None:
        """Add records, each in place of an older one of the same genotype."""
        for record in records:
            before = self._records.get(record.text)
            self._evaluations += (not record.over_limit) - (before is not None and not before.over_limit)
            self._records[record.text] = record
            costs = [record.costs.get(name, np.nan) for name in self._names]
            proxies = [record.proxies.get(name, np.nan) for name in self.proxies]
            if before is None:
                self._positions[record.text] = len(self._positions)
                self._costs.append(costs)
                self._proxies.append(proxies)
            else:
                position = self._positions[record.text]
                self._costs[position], self._proxies[position] = costs, proxies
                self._distribution = None
        if self._distribution is None:
            self._ranks = None
        self._scores = self._minimised = self._violations = None

    def settle(self) -> None:
        """End the first population: scores will not move any more."""
        if self.first is None:
            self.first = self._evaluations

    @property
    def scores(self) -> dict[str, float]:
        """Fused score in (0, 1] of every scored record, by genotype text."""
        values = self._fused().tolist()
        return {r.text: value for r, value in zip(self._records.values(), values, strict=True) if r.scored}

    def value(self, record: Record, objective: str) -> float:
        """Value of one objective, NaN where the record has none."""
        if objective == SCORE:
            position = self._positions.get(record.text)
            return float("nan") if position is None else float(self._fused()[position])
        return record.costs.get(objective, float("nan"))

    def objective_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """F, shape (n, objectives), to be minimised."""
        if self._minimised is None:
            values = np.stack([objective.sign * self._column(objective.name) for objective in self.objectives], axis=1)
            self._minimised = np.where(np.isfinite(values) & ~self._failed()[:, None], values, WORST)
        return self._minimised[self._rows(texts)]

    def constraint_values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """G, shape (n, limits + 1): relative violations, then 1 for a candidate that could not be evaluated.

        A limit on a value that is not known is not met.
        """
        if self._violations is None:
            violations = [limit.violation(self._column(limit.objective)) for limit in self.limits]
            known = [np.where(np.isnan(v), 1.0, v) for v in violations]
            self._violations = np.stack([*known, np.where(self._failed(), 1.0, -1.0)], axis=1)
        return self._violations[self._rows(texts)]

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

    def proxy_ranks(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Ranks (n, proxies) by each proxy, which the score fuses; NaN for those that are not ranked."""
        return self._all_ranks()[self._rows(texts)]

    def _asked_for(self) -> Iterator[str]:
        yield from (objective.name for objective in self.objectives)
        yield from (limit.objective for limit in self.limits)

    def _rows(self, texts: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self._positions[text] for text in texts], dtype=np.intp)

    def _failed(self) -> NDArray[np.bool_]:
        return np.array([record.failure is not None for record in self._records.values()], dtype=np.bool_)

    def _column(self, name: str) -> NDArray[np.float64]:
        """An objective's or a limit's values, NaN where a record has none; shape (records,)."""
        if name == SCORE:
            return self._fused()
        at = self._names.index(name)
        return np.array([costs[at] for costs in self._costs], dtype=float)

    def _fused(self) -> NDArray[np.float64]:
        """Score of every record, NaN for those that are not ranked; shape (records,)."""
        if self._scores is None:
            ranks = self._all_ranks()
            scored = ~np.isnan(ranks).any(axis=1)
            self._scores = np.full(len(self), np.nan)
            self._scores[scored] = merge_ranks(ranks[scored], self.p, self.weights)
        return self._scores

    def _all_ranks(self) -> NDArray[np.float64]:
        """Ranks of every record by the first population, NaN for those that are not scored; (records, proxies)."""
        done = 0 if self._ranks is None else len(self._ranks)
        if self._ranks is None or done < len(self):
            values = np.array(self._proxies[done:], dtype=float).reshape(-1, len(self.proxies))
            scored = np.array([record.scored for record in islice(self._records.values(), done, None)], dtype=np.bool_)
            ranks = np.full_like(values, np.nan)
            ranks[scored] = self._distributed().ranks(values[scored])
            self._ranks = ranks if self._ranks is None else np.concatenate([self._ranks, ranks])
        return self._ranks

    def _distributed(self) -> ProxyDistribution:
        """How the proxies are distributed over the first population, or what there is of it."""
        if self._distribution is not None:
            return self._distribution
        rows = zip(self._records.values(), self._proxies, strict=True)
        first = islice(((record, values) for record, values in rows if not record.over_limit), self.first)
        sample = [values for record, values in first if record.scored]
        distribution = ProxyDistribution(np.array(sample, dtype=float).reshape(-1, len(self.proxies)))
        if self.first is not None and self._evaluations >= self.first:
            self._distribution = distribution
        return distribution
