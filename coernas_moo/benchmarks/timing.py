"""How benchmarks time things in this process: one thread, a settled allocator, the fastest of several turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from coernas_moo.networks.devices import torch_threads
from coernas_moo.networks.init import he_init
from coernas_moo.networks.memory import channels_last, settle_allocator
from coernas_moo.spaces.space import Genotype, SearchSpace


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread and an allocator that keeps its memory, as in a worker; the number of threads is put back."""
    with torch_threads(1):
        settle_allocator()
        yield


def fastest(runs: Sequence[Callable[[], object]], rounds: int) -> NDArray[np.float64]:
    """Milliseconds of each run, shape (runs,): the fastest of `rounds` turns after one that warms up.

    Runs take turns, so that a busy machine slows all alike; what is slower than the fastest is the rest of the machine.
    """
    for run in runs:
        run()
    times: NDArray[np.float64] = np.min([[_milliseconds(run) for run in runs] for _ in range(rounds)], axis=0)
    return times


def bare_pass(space: SearchSpace, genotype: Genotype, batch: int, seed: int) -> Callable[[], None]:
    """Forward and backward pass with gradients of all parameters, train mode: the least a score can cost."""
    generator = torch.Generator().manual_seed(seed)
    network = space.build(genotype)
    he_init(network, generator)
    network.train()
    images = channels_last(torch.randn(batch, *space.input_shape, generator=generator))
    labels = torch.randint(0, space.classes, (batch,), generator=generator)

    def run() -> None:
        network.zero_grad()
        F.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]

    return run


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000
