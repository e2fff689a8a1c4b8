"""From canonical genotypes to records: closed-form costs, the journal, the workers, latency."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import msgspec
import torch

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import Outcome, WorkerPool
from coernas_moo.files import write_atomically
from coernas_moo.networks.init import he_init
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.objectives.latency import measure_latency
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.spaces import Genotype, SearchSpace

FORMULAS = 1
"""Raised whenever a change of the formulas makes older journal rows worthless."""

ALWAYS = ("params", "macs")
"""Closed-form costs that every record carries, objective or not: tables and plots show them."""

OnRecord = Callable[[Record], bool]
"""Called with every record as it is made; returns False to stop evaluating."""


def scoring_space(problem: ProblemFile, space: SearchSpace) -> SearchSpace:
    """The space at the low fidelity at which the problem's candidates are scored."""
    return space.reduced(problem.score.size)


class Evaluator:
    """Evaluates candidates of one problem; equal genotypes are evaluated once in a journal's life.

    Args:
        problem: the resolved problem.
        space: its space.
        dataset: read only where `score.input` is `data`.
        journal_path: SQLite file, made where absent.
        table_path: where the run keeps the latency table that it used, so that a resumed run estimates alike.
    """

    def __init__(
        self,
        problem: ProblemFile,
        space: SearchSpace,
        dataset: Dataset,
        journal_path: Path,
        table_path: Path,
    ) -> None:
        self._problem = problem
        self._space = space
        limits = problem.parsed_limits
        wanted = dict.fromkeys([*ALWAYS, *problem.objectives, *(limit.objective for limit in limits)])
        by_need = {need: [n for n in wanted if OBJECTIVES[n].needs == need] for need in ("plan", "network", "device")}
        self._plan_objectives = by_need["plan"]
        self._estimates = bool(by_need["device"]) and problem.latency.mode == "estimated"
        self._measures = bool(by_need["device"]) and problem.latency.mode == "measured"
        closed = {*self._plan_objectives, *(by_need["device"] if self._estimates else ())}
        self._closed_limits = tuple(limit for limit in limits if limit.objective in closed)
        self._table_path = table_path
        self._table = _open_table(problem, table_path) if self._estimates else None
        self.journal = Journal(journal_path, _fingerprint(problem, space, dataset), problem.search.seed)
        self._pool: WorkerPool[tuple[int, ...], Measured] = WorkerPool(
            _task(problem, space, dataset, tuple(by_need["network"])),
            problem.evaluation.workers or available_cores(),
            tries=problem.evaluation.tries,
            timeout_seconds=problem.evaluation.timeout_seconds,
        )

    def closed_form(self, genotypes: Sequence[Genotype]) -> list[dict[str, float]]:
        """Costs of canonical genotypes that need no network: from the plan, and the estimated latency."""
        plans = [self._space.plan(genotype) for genotype in genotypes]
        if self._table is not None and any(self._table.missing(plan) for plan in plans):
            self._table.measure(plans)
            self._table.save()
            _write_snapshot(self._table, self._table_path)
        return [self._closed_form(plan) for plan in plans]

    def breaks_limit(self, costs: dict[str, float]) -> bool:
        """Whether closed-form costs break a closed-form limit."""
        return any(limit.violation(costs[limit.objective]) > 0 for limit in self._closed_limits)

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """Records of distinct canonical genotypes, in their order; None for those not reached before a stop.

        What breaks a closed-form limit is never built. Workers are idle while latency is measured.

        Raises:
            RunError: the journal cannot be written.
        """
        texts = [self._space.to_text(genotype) for genotype in genotypes]
        records: list[Record | None] = [None] * len(genotypes)
        todo: list[int] = []
        costs = self.closed_form(genotypes)
        for position, text in enumerate(texts):
            if self.breaks_limit(costs[position]):
                records[position] = Record(text, costs=costs[position], over_limit=True)
                continue
            records[position] = known = self.journal.read(text)
            if known is None:
                todo.append(position)
            elif on_record is not None:
                on_record(known)
        results = self._pool.run([tuple(int(code) for code in genotypes[position]) for position in todo])
        for index, outcome in results:
            position = todo[index]
            record = _record(texts[position], costs[position], outcome)
            self.journal.write(record)
            records[position] = record
            if on_record is not None and not on_record(record):
                results.close()  # type: ignore[attr-defined]
                break
        if self._measures:
            self._measure_latency(genotypes, records)
        return records

    def close(self) -> None:
        """End the workers and close the journal."""
        self._pool.close()
        self.journal.close()

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _closed_form(self, plan: NetworkPlan) -> dict[str, float]:
        costs = {}
        for name in self._plan_objectives:
            of_plan = OBJECTIVES[name].of_plan
            if of_plan is not None:
                costs[name] = float(of_plan(plan))
        if self._table is not None:
            costs["latency_ms"] = self._table.estimate(plan)
        return costs

    def _measure_latency(self, genotypes: Sequence[Genotype], records: list[Record | None]) -> None:
        for position, record in enumerate(records):
            if record is None or not record.scored or "latency_ms" in record.costs:
                continue
            network = self._space.build(genotypes[position])
            he_init(network, torch.Generator().manual_seed(0))
            settings = self._problem.latency
            latency = measure_latency(network, self._space.input_shape, batch=settings.batch, threads=settings.threads)
            costs = {**record.costs, "latency_ms": latency.median_ms, "latency_iqr_ms": latency.iqr_ms}
            records[position] = measured = replace(record, costs=costs)
            self.journal.write(measured)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _task(problem: ProblemFile, space: SearchSpace, dataset: Dataset, objectives: tuple[str, ...]) -> ScoringTask:
    reduced = scoring_space(problem, space)
    images = None
    if problem.score.input == "data":
        full = dataset.batch(problem.score.batch, problem.search.seed)
        images = torch.nn.functional.interpolate(full, reduced.input_shape[1:], mode="area")
    return ScoringTask(
        space,
        reduced,
        problem.score.proxies,
        problem.score.batch,
        problem.score.repeats,
        problem.search.seed,
        images,
        objectives,
        problem.plugins,
    )


def _record(text: str, costs: dict[str, float], outcome: Outcome[Measured]) -> Record:
    if outcome.value is None:
        return Record(text, costs=costs, failure=outcome.failure, tries=outcome.tries, seconds=outcome.seconds)
    found = outcome.value
    return Record(text, found.proxies, {**costs, **found.costs}, None, False, outcome.tries, outcome.seconds)


def _fingerprint(problem: ProblemFile, space: SearchSpace, dataset: Dataset) -> str:
    """Everything that a record's values depend on besides genotype and seed."""
    parts = {
        "formulas": FORMULAS,
        "space": problem.space,
        "shape": list(space.input_shape),
        "classes": space.classes,
        "score": msgspec.to_builtins(problem.score),
        "images": dataset.info.source if problem.score.input == "data" else None,
        "latency": msgspec.to_builtins(problem.latency),
        "objectives": [problem.objectives, problem.limits],
        "plugins": [hashlib.sha256(Path(plugin).read_bytes()).hexdigest() for plugin in problem.plugins],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:16]


def _open_table(problem: ProblemFile, snapshot: Path) -> LatencyTable:
    if snapshot.exists():
        return LatencyTable.from_snapshot(json.loads(snapshot.read_text(encoding="utf-8")))
    table = LatencyTable.open(threads=problem.latency.threads, batch=problem.latency.batch)
    _write_snapshot(table, snapshot)
    return table


def _write_snapshot(table: LatencyTable, path: Path) -> None:
    write_atomically(path, json.dumps(table.snapshot()))
