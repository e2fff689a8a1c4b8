"""Costs that need no network: closed forms of its plan, and the latency estimated from a table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.files import write_atomically
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.objectives.latency_table import LatencyTable, MissingLatencyError
from coernas_moo.objectives.operator_latency import space_operators
from coernas_moo.spaces import Genotype, SearchSpace

ALWAYS = ("params", "macs")
"""Closed-form costs that every record carries, objective or not: tables and plots show them."""

LATENCY = "latency_ms"
"""The cost that comes from the table."""


class ClosedFormCosts:
    """Costs of canonical genotypes, and the limits that can be judged by them alone.

    Objectives and units may be a user's own: what they raise becomes a `CoernasError` that names them.

    Args:
        problem: names objectives and limits.
        space: its space.
        snapshot: where the run keeps the latency table it uses: read where it exists, so that a resumed run
            estimates as before; written only after `keep`.
    """

    def __init__(self, problem: ProblemFile, space: SearchSpace, snapshot: Path) -> None:
        self.space = space
        limits = problem.parsed_limits
        wanted = [OBJECTIVES[name] for name in wanted_objectives(problem)]
        self._functions = {o.name: o.of_plan for o in wanted if o.of_plan is not None}
        estimates = problem.latency.mode == "estimated" and any(o.needs == "device" for o in wanted)
        closed = {*self._functions, *(o.name for o in wanted if estimates and o.needs == "device")}
        self.limits = tuple(limit for limit in limits if limit.objective in closed)
        self.before_measuring: Callable[[], None] | None = None
        """Called before operators are measured: whoever has workers at work lets them finish."""
        self.measured_by: Callable[[Sequence[NetworkPlan]], object] | None = None
        """Does what `measure` does, where another process measures for this one."""
        self._snapshot = snapshot
        self._kept = self._measured = False
        self._table = _open_table(problem, snapshot) if estimates else None

    def keep(self) -> None:
        """From now on the latency table is kept in the run's directory."""
        self._kept = True
        self._write_snapshot()

    def measure(self, plans: Sequence[NetworkPlan]) -> object:
        """Measure those operators of networks that the latency table lacks; the snapshot of the table after that.

        The first time all other operators of the space are measured with them: a measurement takes seconds, however
        few operators it is of.
        """
        assert self._table is not None
        if self.before_measuring is not None:
            self.before_measuring()
        first, self._measured = not self._measured, True
        try:
            self._table.measure([*(space_operators(self.space) if first else []), *plans])
        except Exception:
            if not first:
                raise
            # A unit of the user's that breaks is told with the network that has it.
            self._table.measure(plans)
        self._table.save()
        self._write_snapshot()
        return self._table.snapshot()

    def of(self, genotypes: Sequence[Genotype], names: Collection[str] | None = None) -> list[dict[str, float]]:
        """Costs by name, all or those wanted; operators that the latency table lacks are measured first."""
        plans = [self._plan(genotype) for genotype in genotypes]
        rows = [self._of_plan(plan, names) for plan in plans]
        if self._table is not None and (names is None or LATENCY in names):
            for row, latency in zip(rows, self._latencies(plans), strict=True):
                row[LATENCY] = latency
        return rows

    def values(self, genotypes: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Costs of many canonical genotypes (n, genes) at once, as `of` has them.

        Returns:
            Shape (n, names), NaN in the columns of what has no closed form.
        """
        table = self._table is not None
        known = [i for i, name in enumerate(names) if name in self._functions or (table and name == LATENCY)]
        values = np.full((len(genotypes), len(names)), np.nan)
        if not known:
            return values
        closed = [names[i] for i in known]
        found = self._at_once(genotypes, closed)
        if found is None:
            found = [[row[name] for name in closed] for row in self.of(list(genotypes), closed)]
        values[:, known] = np.array(found, dtype=np.float64).reshape(len(genotypes), len(known))
        return values

    def _at_once(self, genotypes: NDArray[np.int64], names: Sequence[str]) -> ArrayLike | None:
        """What `of` says, shape (n, names); None where it has to be worked out network by network."""
        table = self._table
        shares = [
            table.of_block if name == LATENCY and table is not None else OBJECTIVES[name].of_block for name in names
        ]
        if None in shares:
            return None
        try:
            chains = self.space.chains(genotypes)
            if chains is None:
                return None
            columns = [chains.sums(chains.each(share)) for share in shares if share]
        except Exception:  # noqa: BLE001 - whatever a user's unit or objective raises
            # Network by network, operators that are missing are measured, and an error says which network it is of.
            return None
        return np.transpose(columns)

    def violation(self, costs: Mapping[str, float]) -> float:
        """Sum of the relative violations of the closed-form limits; 0 where all hold, infinite where a cost is NaN."""
        violations = [limit.violation(costs[limit.objective]) for limit in self.limits]
        return sum(math.inf if math.isnan(violation) else max(0.0, violation) for violation in violations)

    def violations(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        """`violation` of many canonical genotypes (n, genes), shape (n,)."""
        if not self.limits:
            return np.zeros(len(genotypes))
        values = self.values(genotypes, [limit.objective for limit in self.limits])
        each = np.stack([limit.violation(column) for limit, column in zip(self.limits, values.T, strict=True)])
        total: NDArray[np.float64] = np.where(np.isnan(each), np.inf, np.maximum(each, 0.0)).sum(axis=0)
        return total

    def _plan(self, genotype: Genotype) -> NetworkPlan:
        try:
            return self.space.plan(genotype)
        except CoernasError:
            raise
        except Exception as error:
            text = self.space.to_text(genotype)
            raise CoernasError(f"the network {text} cannot be planned: {type(error).__name__}: {error}") from error

    def _of_plan(self, plan: NetworkPlan, names: Collection[str] | None) -> dict[str, float]:
        costs = {}
        for name, function in self._functions.items():
            if names is not None and name not in names:
                continue
            try:
                costs[name] = float(function(plan))
            except Exception as error:
                raise CoernasError(f"objective {name!r} cannot be computed: {type(error).__name__}: {error}") from error
        return costs

    def _latencies(self, plans: Sequence[NetworkPlan]) -> list[float]:
        assert self._table is not None
        try:
            return [self._table.estimate(plan) for plan in plans]
        except MissingLatencyError:
            if self.measured_by is None:
                self.measure(plans)
            else:
                self._table = LatencyTable.from_snapshot(self.measured_by(plans))
            return [self._table.estimate(plan) for plan in plans]

    def _write_snapshot(self) -> None:
        if self._kept and self._table is not None:
            write_atomically(self._snapshot, json.dumps(self._table.snapshot()))


def wanted_objectives(problem: ProblemFile) -> list[str]:
    """Everything a record has to carry, each once: the standard costs, the objectives, what is limited."""
    return list(dict.fromkeys([*ALWAYS, *problem.objectives, *(limit.objective for limit in problem.parsed_limits)]))


def _open_table(problem: ProblemFile, snapshot: Path) -> LatencyTable:
    if snapshot.exists():
        try:
            return LatencyTable.from_snapshot(json.loads(snapshot.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise RunError(f"{snapshot}: not a latency table ({error}); the run cannot go on without its own") from None
    return LatencyTable.open(threads=problem.latency.threads, batch=problem.latency.batch)
