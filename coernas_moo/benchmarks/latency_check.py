"""Estimated latency against measured latency, over random networks of a space."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr
from torch import nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.devices import torch_threads
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.memory import settle_allocator
from coernas_moo.objectives.latency import fresh_module, random_images
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.objectives.operator_latency import QUIET_QUANTILE, space_operators
from coernas_moo.spaces.space import Genotype, SearchSpace

FEWEST = 3
FEWEST_TURNS = 5
PASSES = 2
UNDISTURBED = 0.97
DRAWS_A_NETWORK = 200


@dataclass(frozen=True)
class LatencyRow:
    """One network of the check.

    Args:
        text: its canonical genotype as the space writes it.
        measured_ms: milliseconds a batch, lower quartile over all undisturbed passes: like the table's entries, the
            time on a quiet machine.
        iqr_ms: interquartile range of the same passes.
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
        disturbed: share of the measured time in which other processes had the processor; above about 0.1 the
            measurement is not to be trusted.
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
    disturbed: float
    threads: int
    batch: int
    device: str


def check_latency(
    space: SearchSpace,
    networks: int = 50,
    seed: int = 0,
    *,
    table: LatencyTable | None = None,
    seconds: float = 12.0,
) -> LatencyCheck:
    """Measure random networks of `space` as wholes and compare with the estimate from `table`.

    The networks take turns of one untimed and two timed passes, so that a disturbance hits a pass of each rather than
    all passes of one, and passes are timed one by one, so that many fit between two disturbances.

    Args:
        space: the networks are canonical and distinct; fewer where the space has fewer.
        networks: how many, at least 3.
        seed: of the drawing.
        table: extended by what it lacks of the whole space, not saved; sets threads and batch. By default a new one,
            one thread, batch 1.
        seconds: turns go on until they took this long, but every network has at least 5.

    Raises:
        CoernasError: fewer than 3 networks asked for or found.
    """
    if networks < FEWEST:
        raise CoernasError(f"latency is checked over at least {FEWEST} networks, not {networks}")
    table = LatencyTable() if table is None else table
    genotypes = _distinct(space, networks, np.random.default_rng(seed))
    plans = [space.plan(genotype) for genotype in genotypes]
    start = time.perf_counter()
    table.measure([*space_operators(space), *plans])
    table_seconds = time.perf_counter() - start
    times, disturbed = _turns([fresh_module(plan) for plan in plans], space.input_shape, table, seconds)
    rows = []
    for genotype, plan, passes in zip(genotypes, plans, times, strict=True):
        low, quiet, high = np.quantile(passes * 1e3, (0.25, QUIET_QUANTILE, 0.75)).tolist()
        rows.append(LatencyRow(space.to_text(genotype), quiet, high - low, table.estimate(plan)))
    return _summary(rows, table, table_seconds, disturbed)


def _turns(
    modules: list[nn.Module], input_shape: Shape, table: LatencyTable, seconds: float
) -> tuple[list[NDArray[np.float64]], float]:
    """Seconds of the passes of each network, and the share of all passes' time in which this thread did not run.

    Passes in which another process had the processor are left out where a network has at least 5 others.
    """
    images = random_images(input_shape, table.batch)
    clocks: list[list[tuple[float, float]]] = [[] for _ in modules]
    settle_allocator()
    with torch.inference_mode(), torch_threads(table.threads):
        start = time.perf_counter()
        while len(clocks[0]) < FEWEST_TURNS * PASSES or time.perf_counter() - start < seconds:
            for module, passes in zip(modules, clocks, strict=True):
                module(images)
                for _ in range(PASSES):
                    running, before = time.thread_time(), time.perf_counter()
                    module(images)
                    passes.append((time.perf_counter() - before, time.thread_time() - running))
    everything = np.array(clocks)
    kept = []
    for elapsed, running in everything.transpose(0, 2, 1):
        undisturbed = elapsed[running > UNDISTURBED * elapsed]
        kept.append(undisturbed if len(undisturbed) >= FEWEST_TURNS else elapsed)
    total, ran = everything.sum(axis=(0, 1)).tolist()
    return kept, max(0.0, 1 - ran / total)


def _summary(rows: list[LatencyRow], table: LatencyTable, table_seconds: float, disturbed: float) -> LatencyCheck:
    measured: NDArray[np.float64] = np.array([row.measured_ms for row in rows])
    estimated: NDArray[np.float64] = np.array([row.estimated_ms for row in rows])
    return LatencyCheck(
        rows=tuple(rows),
        spearman=float(spearmanr(estimated, measured).statistic),
        kendall=float(kendalltau(estimated, measured).statistic),
        median_relative_error=float(np.median(np.abs(estimated - measured) / measured)),
        table_entries=len(table),
        table_seconds=table_seconds,
        disturbed=disturbed,
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
        raise CoernasError(f"a rank correlation needs {FEWEST} networks, the space gave {len(found)}")
    return list(found.values())
