"""Latency of single operators, timed so that the sum over a network's operators is the network's latency.

Each operator is timed in turn with all others and on a fresh copy of its input: its weights and code have left the
fastest caches and its input has just been written, as inside a network. An operator repeated in a tight loop runs
about a fifth faster than it does in a network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.benchmark.utils.timer import timer

from coernas_moo.networks.devices import torch_threads
from coernas_moo.networks.layers import Layer, Linear, Shape
from coernas_moo.networks.memory import settle_allocator
from coernas_moo.objectives.latency import WARM_UP, fresh_module, random_images
from coernas_moo.spaces.space import SearchSpace

Operator = tuple[Layer, Shape]
"""A layer and the shape of its input."""

QUIET_QUANTILE = 0.25
"""Other processes only ever add time, so a low quantile repeats better than the median and is not yet an outlier."""

MIN_ROUNDS = 9
MAX_ROUNDS = 400
SECONDS = 4.0


def operator_latencies(operators: Sequence[Operator], batch: int = 1, threads: int = 1) -> list[float]:
    """Milliseconds a batch of each operator: the lower quartile over rounds in which each has one turn.

    There are 9 to 400 rounds, about 4 seconds of them unless 9 take longer; the order is drawn anew every round.

    Raises:
        CoernasError: a batch or number of threads below 1.
    """
    inputs = {shape: random_images(shape, batch) for _, shape in operators}
    prepared: list[tuple[nn.Module, Tensor]] = [
        (fresh_module(layer), inputs[shape].flatten(1) if isinstance(layer, Linear) else inputs[shape])
        for layer, shape in operators
    ]
    settle_allocator()
    rng = np.random.default_rng(0)
    rounds: list[list[float]] = []
    with torch.inference_mode(), torch_threads(threads):
        for module, images in prepared:
            for _ in range(WARM_UP):
                module(images)
        start = timer()
        while len(rounds) < MIN_ROUNDS or (len(rounds) < MAX_ROUNDS and timer() - start < SECONDS):
            times = [0.0] * len(prepared)
            for index in rng.permutation(len(prepared)).tolist():
                module, images = prepared[index]
                images = images.clone()
                before = timer()
                module(images)
                times[index] = timer() - before
            rounds.append(times)
    quiet: list[float] = (np.quantile(np.array(rounds), QUIET_QUANTILE, axis=0) * 1e3).tolist()
    return quiet


def space_operators(space: SearchSpace, samples: int = 1000, seed: int = 0) -> list[Operator]:
    """The distinct operators of `samples` random canonical networks: in practice all that a space has.

    Example:
        >>> from coernas_moo.spaces.separable import SeparableSettings
        >>> settings = SeparableSettings(stages=1, max_depth=1, units=("conv3", "sep3"), pools=("max",))
        >>> len(space_operators(settings.build(Shape(1, 8, 8), 10), samples=20))
        6
    """
    found: dict[tuple[str, Shape], Operator] = {}
    for genotype in space.sample(samples, np.random.default_rng(seed)):
        for layer, shape in space.plan(space.canonical(genotype)).operators():
            found.setdefault((repr(layer), shape), (layer, shape))
    return list(found.values())
