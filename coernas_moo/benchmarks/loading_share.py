"""How much of a training step goes into making its batch, and how long decoding takes before the first."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np

from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError
from coernas_moo.training.data import open_training_data
from coernas_moo.training.loop import train


@dataclass(frozen=True)
class LoadingShare:
    """Over random networks of a space, one epoch each.

    Args:
        shape: of the images trained on.
        networks: trained.
        median, lowest, highest: share of the steps' time that it took to make batches.
        images_per_second: median, of training.
        decoding_seconds: to open, decode and divide all images, once.
        images: of the training part.
        threads: torch threads.
    """

    shape: str
    networks: int
    median: float
    lowest: float
    highest: float
    images_per_second: float
    decoding_seconds: float
    images: int
    threads: int


def measure_loading_share(
    problem: ProblemFile, *, networks: int = 5, threads: int | None = None, seed: int = 0
) -> LoadingShare:
    """Train random networks of the problem's space for one epoch with the problem's recipe, and look at the clock.

    Args:
        problem: with images.
        networks: how many.
        threads: torch threads; by default one a core.
        seed: of the sample.

    Raises:
        CoernasError: no network is asked for, or there are no images.
    """
    if networks < 1:
        raise CoernasError(f"at least 1 network has to be trained, not {networks}")
    started = time.perf_counter()
    data = open_training_data(problem)
    decoding = time.perf_counter() - started
    space = problem.space_settings.build(data.shape, len(data.classes))
    trained = [
        train(space.build(space.canonical(genotype)), data, problem.train, until=1, threads=threads)
        for genotype in space.sample(networks, np.random.default_rng(seed))
    ]
    shares = [one.loading_share for one in trained]
    return LoadingShare(
        shape=str(data.shape),
        networks=networks,
        median=statistics.median(shares),
        lowest=min(shares),
        highest=max(shares),
        images_per_second=statistics.median(one.images_per_second for one in trained),
        decoding_seconds=decoding,
        images=len(data.train),
        threads=trained[0].threads,
    )
