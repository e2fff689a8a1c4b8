"""Latencies that may be compared: measured in turns, in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from coernas_moo.networks.layers import Shape
from coernas_moo.objectives.latency import measure_latency

ROUNDS = 5


@dataclass(frozen=True)
class Speed:
    """Milliseconds for one image, one thread: median over the rounds, the fastest and the slowest round's median."""

    median_ms: float
    lowest_ms: float
    highest_ms: float


def speeds_in_turns(
    modules: Mapping[str, Callable[[], nn.Module]], shape: Shape, *, rounds: int = ROUNDS, seconds: float = 0.5
) -> dict[str, Speed]:
    """Latencies of networks on this machine; nothing else should run meanwhile.

    Every round measures each network once, so that what slows the machine down for a while slows all of them down.

    Args:
        modules: by name, what loads the network.
        shape: of an image.
        rounds: measurements of each network.
        seconds: that each of them takes.

    Example:
        >>> found = speeds_in_turns({"one": lambda: nn.Conv2d(3, 4, 3)}, Shape(3, 8, 8), rounds=3, seconds=0.01)
        >>> found["one"].lowest_ms <= found["one"].median_ms <= found["one"].highest_ms
        True
    """
    loaded = {name: load() for name, load in modules.items()}
    taken: dict[str, list[float]] = {name: [] for name in loaded}
    for _ in range(rounds):
        for name, module in loaded.items():
            taken[name].append(measure_latency(module, shape, min_run_time=seconds).median_ms)
    return {
        name: Speed(float(np.median(values)), float(min(values)), float(max(values))) for name, values in taken.items()
    }
