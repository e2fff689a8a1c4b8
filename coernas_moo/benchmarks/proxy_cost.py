"""What proxies cost a candidate, in turns on the same random cells; the score against AZ-NAS at its own fidelity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.correlation import AZ_NAS
from coernas_moo.benchmarks.timing import bare_pass, fastest, one_thread
from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies.scoring import DIMENSIONS, score
from coernas_moo.spaces import Genotype, NASBench201


@dataclass(frozen=True)
class Fidelity:
    """At which networks are scored: cells a stage, side of the images, how many images."""

    cells: int
    size: int
    batch: int

    def space(self, *, merge: bool = True) -> NASBench201:
        """NAS-Bench-201 at this fidelity."""
        return NASBench201(Shape(3, self.size, self.size), 10, cells=self.cells, merge=merge)


OURS = Fidelity(cells=1, size=16, batch=32)
"""The default of the score on NAS-Bench-201."""

AZ_NAS_PUBLISHED = Fidelity(cells=5, size=32, batch=64)
"""Lee and Ham 2024, section 4.1: the benchmark's own networks, batches of 64."""


@dataclass(frozen=True)
class AgainstAZNAS:
    """Medians over random cells, one thread.

    Args:
        networks: how many cells.
        ours_ms: canonical form, build, initialise, trace, four dimensions; milliseconds.
        az_nas_ms: build, initialise, the four terms of AZ-NAS as they are written here: the trace's pass, and a forward
            pass with one backward step a block for trainability.
        bare_ms: one forward and one backward pass through AZ-NAS's network and batch, which no implementation beats.
        ratio: median over cells of `az_nas_ms` over `ours_ms`.
        ratio_low, ratio_high: its quartiles.
        ratio_to_bare: median over cells of `bare_ms` over `ours_ms`.
    """

    networks: int
    ours_ms: float
    az_nas_ms: float
    bare_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    ratio_to_bare: float


def against_az_nas(
    networks: int = 40, seed: int = 0, *, rounds: int = 3, ours: Fidelity = OURS, theirs: Fidelity = AZ_NAS_PUBLISHED
) -> AgainstAZNAS:
    """Time one initialisation of the score and of AZ-NAS on the same random cells, in turns.

    A time is the fastest of `rounds`, since what is slower is the rest of the machine at work. The score is given the
    canonical cell, which is part of what is timed; AZ-NAS the cell as it is listed, as its authors do.

    Args:
        networks: how many cells, at least 1.
        seed: of cells, weights and batches.
        rounds: timings of each kind for each cell, at least 1.
        ours, theirs: fidelities.

    Raises:
        CoernasError: `networks` or `rounds` is below 1.
    """
    _require_some(networks, rounds)
    our_space, their_space = ours.space(), theirs.space(merge=False)

    def timers(genotype: Genotype) -> list[Callable[[], object]]:
        bare = bare_pass(their_space, genotype, theirs.batch, seed)
        return [
            lambda: _score(our_space, our_space.canonical(genotype), DIMENSIONS, ours.batch, seed),
            lambda: _score(their_space, genotype, AZ_NAS.proxies, theirs.batch, seed),
            bare,
        ]

    cells = our_space.sample(networks, np.random.default_rng(seed))
    with one_thread():
        times = np.array([fastest(timers(cell), rounds) for cell in cells])
    our_ms, az_ms, bare_ms = times.T
    low, ratio, high = np.percentile(az_ms / our_ms, [25, 50, 75]).tolist()
    return AgainstAZNAS(
        networks,
        float(np.median(our_ms)),
        float(np.median(az_ms)),
        float(np.median(bare_ms)),
        ratio,
        low,
        high,
        float(np.median(bare_ms / our_ms)),
    )


def proxy_costs(
    groups: Sequence[tuple[str, ...]], networks: int = 20, seed: int = 0, *, rounds: int = 3, fidelity: Fidelity = OURS
) -> NDArray[np.float64]:
    """Milliseconds a candidate of each group of proxies: build, initialise, trace and values; medians over cells.

    Args:
        groups: names of proxies that are computed together.
        networks: how many random cells, at least 1.
        seed: of cells, weights and batches.
        rounds: timings of each kind for each cell, the fastest of which counts.
        fidelity: of networks and batches.

    Returns:
        Shape (groups,).

    Raises:
        CoernasError: `networks` or `rounds` is below 1.
    """
    _require_some(networks, rounds)
    space = fidelity.space()

    def timers(genotype: Genotype) -> list[Callable[[], object]]:
        return [_scorer(space, genotype, names, fidelity.batch, seed) for names in groups]

    cells = [space.canonical(cell) for cell in space.sample(networks, np.random.default_rng(seed))]
    with one_thread():
        times = np.array([fastest(timers(cell), rounds) for cell in cells])
    medians: NDArray[np.float64] = np.median(times, axis=0)
    return medians


def _require_some(networks: int, rounds: int) -> None:
    if networks < 1 or rounds < 1:
        raise CoernasError(f"measuring takes at least 1 network and 1 round, not {networks} and {rounds}")


def _scorer(
    space: NASBench201, genotype: Genotype, names: tuple[str, ...], batch: int, seed: int
) -> Callable[[], object]:
    return lambda: _score(space, genotype, names, batch, seed)


def _score(space: NASBench201, genotype: Genotype, names: tuple[str, ...], batch: int, seed: int) -> None:
    score(space.build(genotype), space.input_shape, space.classes, batch=batch, seed=seed, proxies=names, restore=False)
