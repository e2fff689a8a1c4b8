"""What one candidate costs, measured against the least that a training-free score can cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.timing import bare_pass, fastest, one_thread
from coernas_moo.errors import CoernasError
from coernas_moo.proxies.scoring import score
from coernas_moo.spaces.space import Genotype, SearchSpace


@dataclass(frozen=True)
class CandidateCost:
    """Medians over random networks, one thread.

    Args:
        networks: number of networks measured.
        bare_ms: forward and backward pass with gradients of all parameters, train mode, milliseconds.
        full_ms: plan, build, initialise, trace, four dimensions, milliseconds.
        build_ms: the part of `full_ms` that plans and builds.
        ratio: median over networks of full over bare.
        ratio_low: lower quartile of the same.
        ratio_high: upper quartile.
    """

    networks: int
    bare_ms: float
    full_ms: float
    build_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float

    @property
    def candidates_per_second(self) -> float:
        """At the median cost, on one core."""
        return 1000 / self.full_ms


def measure_candidate_cost(
    space: SearchSpace, networks: int = 200, seed: int = 0, *, batch: int = 32, rounds: int = 5
) -> CandidateCost:
    """Time building and scoring against a bare forward and backward pass of the same network and batch.

    Networks are the canonical forms of random genotypes. Bare and full runs take turns, `rounds` times for each
    network after one of each that warms up, so that a busy machine slows both alike. A network's time is the fastest
    of its rounds, since what is slower is the rest of the machine at work; medians are over networks.

    Args:
        space: at the fidelity at which its candidates are scored (see `SearchSpace.reduced`).
        networks: how many random ones, at least 1.
        seed: of the genotypes, weights and batches.
        batch: images in a batch.
        rounds: timings of each kind for each network, at least 1.

    Raises:
        CoernasError: `networks` or `rounds` is below 1.
    """
    if networks < 1 or rounds < 1:
        raise CoernasError(f"measuring takes at least 1 network and 1 round, not {networks} and {rounds}")
    with one_thread():
        genotypes = space.sample(networks, np.random.default_rng(seed))
        timings = np.array([_time_one(space, space.canonical(g), seed, batch, rounds) for g in genotypes])
    bare, full, build = timings.T
    low, ratio, high = np.percentile(full / bare, [25, 50, 75]).tolist()
    return CandidateCost(
        networks=networks,
        bare_ms=float(np.median(bare)),
        full_ms=float(np.median(full)),
        build_ms=float(np.median(build)),
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
    )


def _time_one(space: SearchSpace, genotype: Genotype, seed: int, batch: int, rounds: int) -> NDArray[np.float64]:
    def build() -> None:
        space.build(genotype)

    def full() -> None:
        score(space.build(genotype), space.input_shape, space.classes, batch=batch, seed=seed, restore=False)

    return fastest((bare_pass(space, genotype, batch, seed), full, build), rounds)
