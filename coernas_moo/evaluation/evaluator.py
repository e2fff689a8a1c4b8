"""From canonical genotypes to records: closed-form costs, the journal, the workers, latency."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import msgspec
import torch

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.costs import ClosedFormCosts, wanted_objectives
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import Outcome, WorkerPool
from coernas_moo.networks.init import he_init
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.objectives.latency import measure_latency
from coernas_moo.spaces import Genotype, SearchSpace

FORMULAS = 2
"""Raised whenever a change of the formulas makes older journal rows worthless."""

OnRecord = Callable[[Record], bool]
"""Called with every record as it is made; returns False to stop evaluating."""

Meanwhile = Callable[[], None]
"""Work that can be done while the workers are busy with a batch."""


def scoring_space(problem: ProblemFile, space: SearchSpace) -> SearchSpace:
    """The space at the low fidelity at which the problem's candidates are scored."""
    return space.reduced(problem.score.size)


class Evaluator:
    """Evaluates candidates of one problem; equal genotypes are evaluated once in a journal's life.

    `busy_seconds` is the time in which workers were at work so far.

    Args:
        problem: the resolved problem.
        costs: closed-form costs over the problem's space.
        dataset: read only where `score.input` is `data`.
        journal_path: SQLite file, made where absent.

    Raises:
        RunError: the journal cannot be used, or holds evaluations made with other settings.
    """

    def __init__(
        self,
        problem: ProblemFile,
        costs: ClosedFormCosts,
        dataset: Dataset,
        journal_path: Path,
    ) -> None:
        self._problem = problem
        self._space = space = costs.space
        self.costs = costs
        self.busy_seconds = 0.0
        wanted = [OBJECTIVES[name] for name in wanted_objectives(problem)]
        self._measures = problem.latency.mode == "measured" and any(o.needs == "device" for o in wanted)
        task = _task(problem, space, dataset, tuple(o.name for o in wanted if o.needs == "network"))
        self.journal = Journal(journal_path, _fingerprint(problem, task), problem.search.seed)
        self.journal.require_one_run()
        self._pool: WorkerPool[tuple[int, ...], Measured] = WorkerPool(
            task,
            problem.evaluation.workers or available_cores(),
            tries=problem.evaluation.tries,
            timeout_seconds=problem.evaluation.timeout_seconds,
        )

    def evaluate(
        self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None, meanwhile: Meanwhile | None = None
    ) -> list[Record | None]:
        """Records of distinct canonical genotypes, in their order; None for those not reached before a stop.

        What breaks a closed-form limit is never built. Workers are idle while latency is measured.

        Args:
            genotypes: canonical, no two alike.
            on_record: called with every record as it is made.
            meanwhile: called once, as soon as the workers are at work; what it does costs the search no time.

        Raises:
            RunError: the journal cannot be written.
        """
        texts = [self._space.to_text(genotype) for genotype in genotypes]
        records: list[Record | None] = [None] * len(genotypes)
        todo: list[int] = []
        costs = self.costs.of(genotypes)
        go_on = True
        journalled = self.journal.read(texts)
        for position, text in enumerate(texts):
            if self.costs.violation(costs[position]) > 0:
                records[position] = Record(text, costs=costs[position], over_limit=True)
                continue
            records[position] = known = journalled.get(text)
            if known is None:
                todo.append(position)
            elif on_record is not None:
                go_on = on_record(known)
        if not go_on:
            todo.clear()
        started = time.monotonic()
        results = self._pool.run([tuple(int(code) for code in genotypes[position]) for position in todo], meanwhile)
        for index, outcome in results:
            position = todo[index]
            record = _record(texts[position], costs[position], outcome)
            self.journal.write(record)
            records[position] = record
            if on_record is not None and not on_record(record):
                results.close()
                break
        self.busy_seconds += time.monotonic() - started
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


def _fingerprint(problem: ProblemFile, task: ScoringTask) -> str:
    """Everything that a record's values depend on besides genotype and seed."""
    parts = {
        "formulas": FORMULAS,
        "space": problem.space,
        "shape": list(task.space.input_shape),
        "classes": task.space.classes,
        "score": msgspec.to_builtins(problem.score),
        "images": None if task.images is None else hashlib.sha256(task.images.numpy().tobytes()).hexdigest(),
        "latency": msgspec.to_builtins(problem.latency),
        "objectives": [problem.objectives, problem.limits],
        "plugins": [hashlib.sha256(Path(plugin).read_bytes()).hexdigest() for plugin in problem.plugins],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:16]
