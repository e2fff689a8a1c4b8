"""Searches whose candidates are looked up among raw values that were measured before: no network is built."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.correlation import Fusion
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.benchmarks.searching import Plan, search_once
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.evaluation.batch import AtOnce, OnRecord
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.process_pool import process_pool
from coernas_moo.evaluation.record import Record
from coernas_moo.networks.layers import Shape
from coernas_moo.search.archive import Archive
from coernas_moo.spaces import Genotype, NASBench201

SHAPE = Shape(3, 32, 32)

Proxies = Mapping[str, Mapping[str, float]]
"""Values by canonical text, then proxy."""


@dataclass(frozen=True)
class Searched:
    """How one search ended.

    Args:
        selected: canonical text of the architecture with the best score of the archive.
        evaluations: distinct networks.
        seconds: of the search itself, without what measuring the candidates takes.
    """

    selected: str
    evaluations: int
    seconds: float


@dataclass(frozen=True)
class Job:
    """One search: by what score, with which algorithm, seed, preset and budget."""

    fusion: Fusion
    algorithm: str
    seed: int
    preset: int
    evaluations: int


def score_problem(fusion: Fusion, preset: int) -> ProblemFile:
    """The shipped problem `nb201` with the score as its only objective."""
    problem = load_problem("nb201", {"objectives": ["score"], "search.preset": preset})
    score = msgspec.structs.replace(problem.score, proxies=fusion.proxies, p=fusion.p)
    return msgspec.structs.replace(problem, score=score)


class LookedUp(AtOnce):
    """Makes records from raw values; a network that was not measured is not in the search.

    Args:
        costs: of the space; without limits.
        values: raw values.
        proxies: those a record carries.
    """

    def __init__(self, costs: ClosedFormCosts, values: Proxies, proxies: Sequence[str]) -> None:
        self.costs = costs
        self.values = values
        self.proxies = proxies

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """Records of canonical genotypes, in their order; None for those not reached before a stop."""
        records: list[Record | None] = [None] * len(genotypes)
        for position, genotype in enumerate(genotypes):
            text = self.costs.space.to_text(genotype)
            known = self.values[text]
            records[position] = record = Record(text, {name: known[name] for name in self.proxies}, tries=1)
            if on_record is not None and not on_record(record):
                break
        return records


def search_values(job: Job, values: Proxies) -> Searched:
    """One search of NAS-Bench-201 as `coernas search` makes it, on values that are known.

    The best that it evaluated is selected, ties by genotype text. Where values of only some functions are known, a
    random sample of those takes the place of the search.
    """
    problem = score_problem(job.fusion, job.preset)
    space = problem.space_settings.build(SHAPE, 10)
    if len(values) < space.canonical_size():
        started = time.perf_counter()
        drawn = np.random.default_rng(job.seed).permutation(sorted(values))[: job.evaluations].tolist()
        return Searched(_best(problem, drawn, values, None), len(drawn), time.perf_counter() - started)
    costs = ClosedFormCosts(problem, space, Path("no-snapshot"))
    plan = Plan(problem, (job.algorithm,), 1, job.evaluations)
    found = search_once(plan, job.algorithm, job.seed, space, LookedUp(costs, values, job.fusion.proxies))
    return Searched(_best(problem, found.texts, values, found.first), len(found.texts), found.seconds)


def _best(problem: ProblemFile, texts: Sequence[str], values: Proxies, first: int | None) -> str:
    archive = Archive.of(problem, first)
    archive.add(Record(text, values[text], tries=1) for text in texts)
    return archive.front()[0]


def by_text(raw: Sequence[RawValues], fusion: Fusion, seed: int) -> Proxies:
    """Values of a fusion's proxies in one initialisation, for every network that all of them were measured on.

    A measurement with fewer initialisations lends those that it has in turn.
    """
    holders = {name: next(r for r in raw if name in r.measurement.proxies) for name in fusion.proxies}
    columns: dict[str, tuple[RawValues, NDArray[np.float64]]] = {}
    for name, holder in holders.items():
        seeds = holder.measurement.seeds
        columns[name] = (holder, holder.values[name, seeds[seed % len(seeds)]])
    texts = set.intersection(*(set(holder.texts) for holder in holders.values()))
    return {
        text: {name: float(column[holder.index[text]]) for name, (holder, column) in columns.items()} for text in texts
    }


def run_jobs(jobs: Sequence[Job], raw: Sequence[RawValues], workers: int) -> list[Searched]:
    """All searches, in the order of `jobs`."""
    if workers == 1 or len(jobs) < 2:
        return [_run(job, raw) for job in jobs]
    with process_pool(min(workers, len(jobs)), _begin, (raw,)) as pool:
        return list(pool.map(_run_in_worker, jobs))


_RAW: list[RawValues] = []


def _begin(raw: Sequence[RawValues]) -> None:
    _RAW[:] = raw


def _run_in_worker(job: Job) -> Searched:
    return _run(job, _RAW)


def _run(job: Job, raw: Sequence[RawValues]) -> Searched:
    return search_values(job, by_text(raw, job.fusion, job.seed))


def random_cells(count: int) -> list[str]:
    """Texts of uniformly random cells as the benchmark lists them, one a seed from 1 to `count`."""
    space = NASBench201(SHAPE, 10)
    return [space.to_text(space.sample(1, np.random.default_rng(seed))[0]) for seed in range(1, count + 1)]


def measured_everywhere(raw: Sequence[RawValues], fusion: Fusion) -> bool:
    """Whether a fusion's proxies were measured on all functions of the space."""
    holders = [r for r in raw if set(r.measurement.proxies) & set(fusion.proxies)]
    return all(len(holder.texts) == NASBench201(SHAPE, 10).canonical_size() for holder in holders)
