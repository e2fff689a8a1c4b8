"""Proxies and fusions against the accuracies of a tabular benchmark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.ranking import (
    RankingQuality,
    bootstrap_interval,
    half_of,
    kendall,
    ranked_last,
    ranking_quality,
)
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.evaluator import FORMULAS
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies import DIMENSIONS, PROXIES, fuse_proxies
from coernas_moo.spaces import NASBench201


@dataclass(frozen=True)
class Fusion:
    """A named power mean of ranks.

    Example:
        >>> Fusion.parse("linear=isotropy,regularity@1")
        Fusion(name='linear', proxies=('isotropy', 'regularity'), p=1.0)
        >>> Fusion.parse("az_nas").proxies
        ('az_expressivity', 'az_progressivity', 'az_trainability', 'az_complexity')
    """

    name: str
    proxies: tuple[str, ...]
    p: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Fusion:
        """Read `NAME=PROXY,PROXY,...`, `NAME=PROXY,...@P` or a name in `FUSIONS`; `CoernasError` for anything else."""
        if text in FUSIONS:
            return FUSIONS[text]
        name, equals, rest = text.partition("=")
        names, at, power = rest.partition("@")
        try:
            p = float(power) if at else 0.0
        except ValueError:
            p = float("nan")
        if not (name and equals and names) or not np.isfinite(p):
            raise CoernasError(
                f"fusion {text!r} is not NAME=PROXY,PROXY, NAME=PROXY,PROXY@P with a number P, or one of "
                f"{', '.join(FUSIONS)}"
            )
        return cls(name, tuple(names.split(",")), p)


SCORE = Fusion("score", DIMENSIONS)
"""The method's score."""

AZ_NAS = Fusion("az_nas", ("az_expressivity", "az_progressivity", "az_trainability", "az_complexity"))
"""AZ-NAS (Lee and Ham 2024): its sum of log ranks orders as the geometric mean of ranks does."""

FUSIONS = {fusion.name: fusion for fusion in (SCORE, AZ_NAS)}
"""Fusions with a name of their own."""


@dataclass(frozen=True)
class Protocol:
    """What is correlated with what; it stands beside every number.

    Args:
        proxies: each by itself.
        fusions: ranks over the population.
        datasets: of the benchmark.
        split: accuracy column, `test` or `valid` (200 epochs), `test_12` or `valid_12`.
        population: `all`, `alive` (cells without dead edges), or the number of a random sample.
        half: 0 for all, 1 or 2 for a fixed half of the functions, equal functions on one side.
        seeds: one initialisation each; measures are means over them.
        batch: images a trace.
        size: side of the images.
        cells: cells a stage.
        channels: of the first stage.
    """

    proxies: tuple[str, ...]
    fusions: tuple[Fusion, ...] = (SCORE,)
    datasets: tuple[str, ...] = ("cifar10", "cifar100", "ImageNet16-120")
    split: str = "test"
    population: str = "all"
    half: int = 0
    seeds: tuple[int, ...] = (0, 1, 2)
    batch: int = 32
    size: int = 16
    cells: int = 1
    channels: int = 16
    population_seed: int = 0

    def all_proxies(self) -> tuple[str, ...]:
        """Every proxy that has to be computed, once."""
        return tuple(dict.fromkeys([*self.proxies, *(name for f in self.fusions for name in f.proxies)]))


@dataclass(frozen=True)
class Row:
    """One proxy or fusion on one data set: means over seeds, spread of tau, 95 % bootstrap interval of the mean tau."""

    name: str
    dataset: str
    quality: RankingQuality
    tau_std: float
    tau_low: float
    tau_high: float


@dataclass(frozen=True)
class Correlation:
    """Result of `correlate`.

    Args:
        rows: one a proxy or fusion and data set.
        architectures: rows of the table in the population.
        functions: distinct canonical forms that were evaluated.
        seconds_per_candidate: median time of one initialisation with all proxies, one core.
        scores: (proxy or fusion, seed) to values, shape (architectures,).
        rows_of_table: positions of the population in the table, shape (architectures,).
    """

    protocol: Protocol
    rows: tuple[Row, ...]
    architectures: int
    functions: int
    seconds_per_candidate: float
    scores: Mapping[tuple[str, int], NDArray[np.float64]]
    rows_of_table: NDArray[np.int64]


def correlate(
    table: TabularBenchmark,
    protocol: Protocol,
    journal_path: Path,
    *,
    workers: int,
    on_candidate: Callable[[int, int], None] | None = None,
    resamples: int = 200,
) -> Correlation:
    """Evaluate the population's canonical networks and rank them.

    Each function is evaluated once a seed, equal functions share it; everything is in the journal at once, so an
    interrupted call goes on where it stopped.

    Args:
        table: accuracies by architecture.
        protocol: what to do.
        journal_path: SQLite file.
        workers: processes.
        on_candidate: called with (done, of how many).
        resamples: of the bootstrap.

    Raises:
        CoernasError: a proxy, data set, split or population is unknown.
    """
    for name in protocol.all_proxies():
        PROXIES[name]
    for fusion in protocol.fusions:
        if fusion.name in PROXIES or sum(other.name == fusion.name for other in protocol.fusions) > 1:
            raise CoernasError(f"fusion {fusion.name!r}: a proxy or another fusion has that name; give it another one")
    space = NASBench201(Shape(3, protocol.size, protocol.size), 10, channels=protocol.channels, cells=protocol.cells)
    chosen, texts = population(table, space, protocol)
    functions = sorted(set(texts))
    values, seconds = _evaluate(space, functions, protocol, journal_path, workers, on_candidate)
    position = {text: i for i, text in enumerate(functions)}
    expand = np.array([position[text] for text in texts], dtype=np.int64)
    scores: dict[tuple[str, int], NDArray[np.float64]] = {}
    for seed in protocol.seeds:
        for name in protocol.all_proxies():
            scores[name, seed] = values[name, seed][expand]
        for fusion in protocol.fusions:
            columns = np.stack([scores[name, seed] for name in fusion.proxies], axis=1)
            scores[fusion.name, seed] = fuse_proxies(fusion.proxies, columns, fusion.p)
    rows = tuple(
        _row(name, dataset, scores, table.accuracy(dataset, protocol.split)[chosen], protocol.seeds, resamples)
        for name in [*protocol.proxies, *(fusion.name for fusion in protocol.fusions)]
        for dataset in protocol.datasets
    )
    return Correlation(protocol, rows, len(texts), len(functions), seconds, scores, chosen)


def population(table: TabularBenchmark, space: NASBench201, protocol: Protocol) -> tuple[NDArray[np.int64], list[str]]:
    """Rows of the table that take part, and the canonical text of each.

    Raises:
        CoernasError: the population is not `all`, `alive` or a number within the table.
    """
    genotypes = [space.from_text(text) for text in table.architectures]
    chosen = np.arange(len(genotypes))
    if protocol.population == "alive":
        chosen = np.array([i for i in chosen if np.array_equal(space.without_dead_edges(genotypes[i]), genotypes[i])])
    elif protocol.population.isdecimal() and 2 <= int(protocol.population) <= len(genotypes):
        rng = np.random.default_rng(protocol.population_seed)
        chosen = np.sort(rng.choice(len(genotypes), int(protocol.population), replace=False))
    elif protocol.population != "all":
        raise CoernasError(
            f"population {protocol.population!r} is not 'all', 'alive' or a number from 2 to {len(genotypes)}"
        )
    texts = [space.to_text(space.canonical(genotypes[i])) for i in chosen]
    if protocol.half:
        mask = half_of(texts, protocol.population_seed)
        mask = mask if protocol.half == 1 else ~mask
        chosen = chosen[mask]
        texts = [text for text, kept in zip(texts, mask, strict=True) if kept]
    return chosen, texts


def _evaluate(
    space: NASBench201,
    functions: Sequence[str],
    protocol: Protocol,
    journal_path: Path,
    workers: int,
    on_candidate: Callable[[int, int], None] | None,
) -> tuple[dict[tuple[str, int], NDArray[np.float64]], float]:
    proxies = protocol.all_proxies()
    found: dict[tuple[str, int], NDArray[np.float64]] = {
        (name, seed): np.full(len(functions), np.nan) for name in proxies for seed in protocol.seeds
    }
    durations: list[float] = []
    done, total = 0, len(functions) * len(protocol.seeds)
    for seed in protocol.seeds:
        task = ScoringTask(space, space, proxies, protocol.batch, 1, seed, None, (), (), refuse_nan=False)
        with (
            Journal(journal_path, _fingerprint(protocol), seed) as journal,
            WorkerPool[tuple[int, ...], Measured](task, workers) as pool,
        ):
            known = journal.read(functions)
            records = {position: known[text] for position, text in enumerate(functions) if text in known}
            todo = [position for position in range(len(functions)) if position not in records]
            done += len(records)
            items = [tuple(int(code) for code in space.from_text(functions[position])) for position in todo]
            for index, outcome in pool.run(items):
                values = outcome.value.proxies if outcome.value is not None else {}
                record = Record(
                    functions[todo[index]], values, {}, outcome.failure, False, outcome.tries, outcome.seconds
                )
                journal.write(record)
                records[todo[index]] = record
                done += 1
                if on_candidate is not None:
                    on_candidate(done, total)
        for position, record in records.items():
            durations.append(record.seconds)
            for name, value in record.proxies.items():
                found[name, seed][position] = value
    return found, float(np.median(durations))


def _row(
    name: str,
    dataset: str,
    scores: Mapping[tuple[str, int], NDArray[np.float64]],
    accuracies: NDArray[np.float64],
    seeds: Sequence[int],
    resamples: int,
) -> Row:
    qualities = [ranking_quality(scores[name, seed], accuracies) for seed in seeds]
    means = {field: float(np.mean([asdict(q)[field] for q in qualities])) for field in asdict(qualities[0])}
    columns = np.column_stack([ranked_last(scores[name, seed]) for seed in seeds])
    low, high = bootstrap_interval(_mean_tau, columns, accuracies, resamples=resamples)
    spread = float(np.std([q.tau for q in qualities], ddof=1)) if len(seeds) > 1 else 0.0
    return Row(name, dataset, RankingQuality(**means), spread, low, high)


def _mean_tau(columns: NDArray[np.float64], accuracies: NDArray[np.float64]) -> float:
    return float(np.mean([kendall(column, accuracies) for column in columns.T]))


def _fingerprint(protocol: Protocol) -> str:
    parts = [
        FORMULAS,
        sorted(protocol.all_proxies()),
        protocol.batch,
        protocol.size,
        protocol.cells,
        protocol.channels,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
