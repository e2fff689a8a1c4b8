"""From canonical genotypes to records: closed-form costs, the journal, the workers, latency."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

import msgspec
import torch

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.errors import RunError
from coernas_moo.evaluation.batch import Batch, OnRecord
from coernas_moo.evaluation.costs import ClosedFormCosts, wanted_objectives
from coernas_moo.evaluation.journal import Journal, read_all
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import Finished, Job, Outcome, WorkerPool
from coernas_moo.networks.init import he_init
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.objectives.latency import measure_latency
from coernas_moo.plugins import contents_of
from coernas_moo.spaces import Genotype, SearchSpace

FORMULAS = 5
"""Raised whenever a change of the formulas makes older journal rows worthless."""


def scoring_space(problem: ProblemFile, space: SearchSpace) -> SearchSpace:
    """The space at the low fidelity at which the problem's candidates are scored."""
    return space.reduced(problem.score.size)


class Evaluator:
    """Evaluates candidates of one problem; equal genotypes are evaluated once in a journal's life.

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
        costs.before_measuring = self._rest
        # What workers are at: by job the texts at its positions, by text the places in batches that wait for it.
        self._jobs: dict[Job[tuple[int, ...], Measured], dict[int, str]] = {}
        self._places: dict[str, list[tuple[Batch, int]]] = {}
        wanted = [OBJECTIVES[name] for name in wanted_objectives(problem)]
        self._measures = problem.latency.mode == "measured" and any(o.needs == "device" for o in wanted)
        self._task = task = _task(problem, space, dataset, tuple(o.name for o in wanted if o.needs == "network"))
        self.journal = Journal(journal_path, _fingerprint(problem, task), problem.search.seed)
        self.journal.require_one_run()
        self._pool: WorkerPool[tuple[int, ...], Measured] = WorkerPool(
            task,
            problem.evaluation.workers or available_cores(),
            tries=problem.evaluation.tries,
            timeout_seconds=problem.evaluation.timeout_seconds,
        )

    def take_over(self, problem: ProblemFile, journal_path: Path) -> None:
        """Write in the journal what another one knows of networks that were scored as they are scored here.

        Costs in closed form are this problem's own; networks whose other costs are not known are left out.

        Args:
            problem: for which the other journal was made.
            journal_path: the other journal.

        Raises:
            RunError: the other journal cannot be read, or its networks were scored in another way.
        """
        names = self._task.objectives
        found = [
            record
            for record in _scored_alike(self._problem, self._task, problem, journal_path)
            if record.scored and all(name in record.costs for name in names)
        ]
        known = self.journal.read([record.text for record in found])
        fresh = [record for record in found if record.text not in known]
        closed = self.costs.of([self._space.from_text(record.text) for record in fresh])
        for record, costs in zip(fresh, closed, strict=True):
            if self.costs.violation(costs) <= 0:
                self.journal.write(replace(record, costs={**costs, **{name: record.costs[name] for name in names}}))

    @property
    def overlaps(self) -> bool:
        """Whether a batch can be begun while another is in work: not where workers have to rest for a measurement."""
        return not self._measures

    @property
    def busy_seconds(self) -> float:
        """Time in which some worker was at work so far."""
        return self._pool.busy_seconds

    def begin(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> Batch:
        """Set workers to work on distinct canonical genotypes, and return at once; `finish` waits for them.

        What breaks a closed-form limit is never built; what is in work for another batch is not built again.

        Args:
            genotypes: canonical, no two alike.
            on_record: called with every record as it is made, in calls of `finish` for any batch.

        Raises:
            RunError: the journal cannot be read.
        """
        texts = [self._space.to_text(genotype) for genotype in genotypes]
        batch = Batch(genotypes, on_record, [None] * len(genotypes))
        batch.costs = self.costs.of(genotypes)
        todo: list[int] = []
        elsewhere: list[int] = []
        journalled = self.journal.read(texts)
        for position, text in enumerate(texts):
            if self.costs.violation(batch.costs[position]) > 0:
                batch.records[position] = Record(text, costs=batch.costs[position], over_limit=True)
                continue
            batch.records[position] = known = journalled.get(text)
            if known is not None:
                batch.told(known)
            else:
                (elsewhere if text in self._places else todo).append(position)
        if batch.stopped:
            return batch
        if todo:
            job = self._pool.submit([tuple(int(code) for code in genotypes[position]) for position in todo])
            self._jobs[job] = {number: texts[position] for number, position in enumerate(todo)}
        for position in [*elsewhere, *todo]:
            self._places.setdefault(texts[position], []).append((batch, position))
        batch.left = len(elsewhere) + len(todo)
        return batch

    def finish(self, batch: Batch) -> list[Record | None]:
        """Records of a batch, in order; None for those not reached before a stop, which ends other batches too.

        Workers are idle while latency is measured.

        Raises:
            RunError: the journal cannot be written.
        """
        while batch.left:
            self.attend()
        if self._measures:
            self._measure_latency(batch.genotypes, batch.records)
        return batch.records

    def start(self) -> None:
        """Let workers get ready."""
        self._pool.start()

    def hand_out(self) -> None:
        """Keep workers busy for a while in which `finish` is not called."""
        self._pool.hand_out()

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """`begin` and `finish` in one."""
        return self.finish(self.begin(genotypes, on_record))

    def attend(self, others: Sequence[Connection] = ()) -> list[Connection]:
        """Wait until workers have finished something, or one of `others` can be read; returns those that can.

        Raises:
            RunError: the journal cannot be written.
        """
        finished, readable = self._pool.attend(others)
        for each in finished:
            self._note(each)
            if not self._jobs:
                # All is done, or a stop has dropped the rest.
                break
        return readable

    def _note(self, finished: Finished[tuple[int, ...], Measured]) -> None:
        text = self._jobs[finished.job].pop(finished.position)
        if not self._jobs[finished.job]:
            del self._jobs[finished.job]
        places = self._places.pop(text)
        batch, position = places[0]
        record = _record(text, batch.costs[position], finished.outcome)
        self.journal.write(record)
        for batch, position in places:
            batch.records[position] = record
            batch.left -= 1
            batch.told(record)
        if any(batch.stopped for batch, _ in places):
            self._pool.abandon()
            for batch, _ in (place for places in self._places.values() for place in places):
                batch.left = 0
            self._jobs.clear()
            self._places.clear()

    def _rest(self) -> None:
        """Let the workers finish what they have."""
        while self._jobs:
            self.attend()

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


def require_scored_alike(
    problem: ProblemFile, space: SearchSpace, dataset: Dataset, other: ProblemFile, journal_path: Path
) -> None:
    """Check that another journal's networks were scored as those of `problem` are; arguments as of `Evaluator`.

    Raises:
        RunError: they were not, or the journal cannot be read.
    """
    _scored_alike(problem, _task(problem, space, dataset, ()), other, journal_path)


def _scored_alike(problem: ProblemFile, task: ScoringTask, other: ProblemFile, journal_path: Path) -> list[Record]:
    if not journal_path.exists():
        raise RunError(f"{journal_path.parent}: has no journal: no network was scored there; leave --scores-of out")
    of_other = {"objectives": other.objectives, "limits": other.limits, "latency": other.latency}
    settings = _fingerprint(msgspec.structs.replace(problem, **of_other), task)
    return read_all(journal_path, (settings, problem.search.seed))


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
        "plugins": contents_of(problem.plugins),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:16]
