"""What the machinery around a candidate costs: idle workers, a second worker's gain, a worker's memory."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coernas_moo.config import ProblemFile
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.proxies import DIMENSIONS
from coernas_moo.search.loop import run_search
from coernas_moo.spaces import SearchSpace


@dataclass(frozen=True)
class WorkerGain:
    """Wall time of the same candidates with one and with several workers.

    Args:
        workers: how many the one was compared with.
        candidates: evaluated in each turn.
        one_seconds, many_seconds: medians over turns.
        ratio: median over turns of one over many, turns taken alternately.
    """

    workers: int
    candidates: int
    one_seconds: float
    many_seconds: float
    ratio: float


def measure_workers(
    space: SearchSpace, *, workers: int = 2, candidates: int = 200, turns: int = 5, seed: int = 0
) -> WorkerGain:
    """Evaluate the same random candidates with one worker and with `workers`, in turns.

    Args:
        space: at scoring fidelity.
        workers: more than one.
        candidates: distinct canonical genotypes a turn.
        turns: of each kind, after one of each that starts the workers.
        seed: of the genotypes.
    """
    task = _task(space, seed)
    items = _distinct(space, candidates, seed)
    with (
        WorkerPool[tuple[int, ...], Measured](task, 1) as one,
        WorkerPool[tuple[int, ...], Measured](task, workers) as many,
    ):
        for pool in (one, many):
            _seconds(pool, items[: 4 * workers])
        times = np.array([[_seconds(one, items), _seconds(many, items)] for _ in range(turns)])
    return WorkerGain(
        workers,
        len(items),
        float(np.median(times[:, 0])),
        float(np.median(times[:, 1])),
        float(np.median(times[:, 0] / times[:, 1])),
    )


@dataclass(frozen=True)
class SearchOverhead:
    """Share of a search's time in which no worker evaluates.

    Args:
        evaluations: candidates of the search.
        seconds: wall time of the search, once the data is read.
        idle_share: time outside evaluation over `seconds`.
    """

    evaluations: int
    seconds: float
    idle_share: float


def measure_overhead(problem: ProblemFile) -> SearchOverhead:
    """Run the search in a temporary directory and compare its time with that spent evaluating."""
    with tempfile.TemporaryDirectory() as folder:
        state = run_search(problem, Path(folder) / "run").state
    return SearchOverhead(state.evaluations, state.seconds, 1 - state.evaluating_seconds / state.seconds)


class MemoryTask(ScoringTask):
    """Scores a candidate and reports the process's peak resident memory instead."""

    def __call__(self, genotype: tuple[int, ...]) -> Measured:
        """`peak_mb` in place of proxies: the largest resident set of this process so far, in MB."""
        super().__call__(genotype)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Measured({"peak_mb": peak / (1e6 if sys.platform == "darwin" else 1e3)}, {})


def measure_memory(space: SearchSpace, *, candidates: int = 200, seed: int = 0) -> float:
    """Peak resident memory, in MB, of one worker that scores random candidates, the largest of many among them.

    Args:
        space: at scoring fidelity.
        candidates: evaluated; the one with the most MACs among ten times as many is added.
        seed: of the genotypes.
    """
    items = _distinct(space, candidates * 10, seed)
    largest = max(items, key=space.macs)
    with WorkerPool[tuple[int, ...], Measured](_task(space, seed, MemoryTask), 1) as pool:
        outcomes = [outcome for _, outcome in pool.run([*items[:candidates], largest])]
    return max(outcome.value.proxies["peak_mb"] for outcome in outcomes if outcome.value is not None)


def _task(space: SearchSpace, seed: int, kind: type[ScoringTask] = ScoringTask) -> ScoringTask:
    return kind(space, space, DIMENSIONS, 32, 1, seed, None, (), ())


def _distinct(space: SearchSpace, count: int, seed: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < min(count, space.canonical_size()):
        for genotype in space.sample(count, rng):
            found.setdefault(tuple(int(code) for code in space.canonical(genotype)))
    return list(found)[:count]


def _seconds(pool: WorkerPool[tuple[int, ...], Measured], items: Sequence[tuple[int, ...]]) -> float:
    started = time.perf_counter()
    for _ in pool.run(items):
        pass
    return time.perf_counter() - started
