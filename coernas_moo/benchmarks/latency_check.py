"""Estimated latency against measured latency, over random networks of a space."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from coernas_moo.errors import CoernasError
from coernas_moo.objectives.latency import fresh_module, random_images, time_passes
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.objectives.operator_latency import QUIET_QUANTILE, space_operators
from coernas_moo.spaces.space import Genotype, SearchSpace

FEWEST = 3
DRAWS_A_NETWORK = 200


@dataclass(frozen=True)
class LatencyRow:
    """One network of the check.

    Args:
        text: its canonical genotype as the space writes it.
        measured_ms: milliseconds a batch, lower quartile over all timed blocks of all rounds: like the table's
            entries, the time on a quiet machine.
        iqr_ms: interquartile range of the same blocks.
        estimated_ms: sum over its operators.
    """

    text: str
    measured_ms: float
    iqr_ms: float
    estimated_ms: float


@dataclass(frozen=True)
class LatencyCheck:
    """How well the estimate ranks and how far it is off.

    Args:
        rows: one a network, in the order drawn.
        spearman: rank correlation of estimate and measurement.
        kendall: Kendall's tau-b of the same.
        median_relative_error: median of |estimated - measured| / measured.
        table_entries: operators in the table after the check.
        table_seconds: time the check spent on measuring operators that the table lacked.
        threads: torch threads.
        batch: images a pass.
        device: name of the processor.
    """

    rows: tuple[LatencyRow, ...]
    spearman: float
    kendall: float
    median_relative_error: float
    table_entries: int
    table_seconds: float
    threads: int
    batch: int
    device: str


def check_latency(
    space: SearchSpace,
    networks: int = 50,
    seed: int = 0,
    *,
    table: LatencyTable | None = None,
    rounds: int = 8,
    block_seconds: float = 0.01,
) -> LatencyCheck:
    """Measure random networks of `space` as wholes and compare with the estimate from `table`.

    The networks are measured in turns, so that a disturbance hits one block of each rather than all blocks of one.

    Args:
        space: the networks are canonical and distinct; fewer where the space has fewer.
        networks: how many, at least 3.
        seed: of the drawing.
        table: extended by what it lacks of the whole space, not saved; sets threads and batch. By default a new one,
            one thread, batch 1.
        rounds: turns of every network, at least 1.
        block_seconds: timed passes of one network in one turn.

    Raises:
        CoernasError: fewer than 3 networks asked for or found, or no round.
    """
    if networks < FEWEST or rounds < 1:
        raise CoernasError(
            f"latency is checked over at least {FEWEST} networks in at least 1 round, not {networks} in {rounds}"
        )
    table = LatencyTable() if table is None else table
    genotypes = _distinct(space, networks, np.random.default_rng(seed))
    plans = [space.plan(genotype) for genotype in genotypes]
    start = time.perf_counter()
    table.measure([*space_operators(space), *plans])
    table_seconds = time.perf_counter() - start
    modules = [fresh_module(plan) for plan in plans]
    images = random_images(space.input_shape, table.batch)
    times: list[list[float]] = [[] for _ in modules]
    for _ in range(rounds):
        for module, blocks in zip(modules, times, strict=True):
            blocks.extend(time_passes(module, images, table.threads, block_seconds).times)
    rows = []
    for genotype, plan, blocks in zip(genotypes, plans, times, strict=True):
        low, quiet, high = np.quantile(np.array(blocks) * 1e3, (0.25, QUIET_QUANTILE, 0.75)).tolist()
        rows.append(LatencyRow(space.to_text(genotype), quiet, high - low, table.estimate(plan)))
    return _summary(rows, table, table_seconds)


def _summary(rows: list[LatencyRow], table: LatencyTable, table_seconds: float) -> LatencyCheck:
    measured: NDArray[np.float64] = np.array([row.measured_ms for row in rows])
    estimated: NDArray[np.float64] = np.array([row.estimated_ms for row in rows])
    return LatencyCheck(
        rows=tuple(rows),
        spearman=float(spearmanr(estimated, measured).statistic),
        kendall=float(kendalltau(estimated, measured).statistic),
        median_relative_error=float(np.median(np.abs(estimated - measured) / measured)),
        table_entries=len(table),
        table_seconds=table_seconds,
        threads=table.threads,
        batch=table.batch,
        device=table.device,
    )


def _distinct(space: SearchSpace, n: int, rng: np.random.Generator) -> list[Genotype]:
    found: dict[tuple[int, ...], Genotype] = {}
    for genotype in space.sample(n * DRAWS_A_NETWORK, rng):
        canonical = space.canonical(genotype)
        found.setdefault(tuple(canonical.tolist()), canonical)
        if len(found) == n:
            break
    if len(found) < FEWEST:
        raise CoernasError(
            f"latency is checked over at least {FEWEST} networks, not {len(found) if n >= FEWEST else n}"
        )
    return list(found.values())
