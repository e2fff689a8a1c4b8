"""What an export computes and how fast, against the network it came from."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coernas_moo.errors import ExportError
from coernas_moo.export.formats import Answer, Artifact, Batch
from coernas_moo.export.model import Model
from coernas_moo.export.torch_run import answers_of
from coernas_moo.networks.devices import torch_threads
from coernas_moo.networks.memory import settle_allocator
from coernas_moo.objectives.latency import inference_module

LARGEST_PROBABILITY_DIFFERENCE = 1e-5
LARGEST_LOGIT_DIFFERENCE = 1e-4
"""As a share of the largest logit. Two orders of float32 sums agree to 2e-5 behind the seventy layers of a
NAS-Bench-201 network; saturated probabilities alone would hide what is wrong."""

BATCHES = (1, 7)
"""Images in the batches that are compared: one, and a number that no graph was traced with."""

_ROUNDS = 40
_SECONDS_A_ROUND = 0.003


@dataclass(frozen=True)
class Check:
    """How an export compares with the network.

    Args:
        probability_difference: largest absolute difference of a probability.
        logit_difference: largest absolute difference of a logit, as a share of the largest logit.
        latency_ms: time of one image on one thread, milliseconds, lower quartile over rounds.
        torch_ms: the same of the network in torch, measured in turn with it.
    """

    probability_difference: float
    logit_difference: float
    latency_ms: float
    torch_ms: float

    @property
    def latency_ratio(self) -> float:
        """Latency over torch's: below 1 is faster."""
        return self.latency_ms / self.torch_ms


def check(artifact: Artifact, model: Model) -> Check:
    """Run an export and the network on the same images, standard Gaussian ones from a fixed seed.

    Raises:
        ExportError: they differ by more than rounding does.
    """
    network = inference_module(copy.deepcopy(model.module))
    reference = answers_of(network)
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((count, *model.description.shape), dtype=np.float32) for count in BATCHES]
    with torch_threads(1):
        pairs = [(artifact.run(images), reference(images)) for images in batches]
        probabilities = _largest([_largest(ours.probabilities - theirs.probabilities) for ours, theirs in pairs])
        logits = _largest(
            [_largest(ours.logits - theirs.logits) / max(_largest(theirs.logits), 1e-30) for ours, theirs in pairs]
        )
        # Written so that NaN fails too.
        if not (probabilities < LARGEST_PROBABILITY_DIFFERENCE and logits < LARGEST_LOGIT_DIFFERENCE):
            raise ExportError(
                f"what was exported computes something else than the network: probabilities differ by up to "
                f"{probabilities:.1e}, logits by {logits:.1e} of the largest; nothing was written, try another format"
            )
        ours_ms, torch_ms = _latencies(artifact.run, reference, batches[0])
    return Check(probabilities, logits, ours_ms, torch_ms)


def _largest(values: Batch | list[float]) -> float:
    """The largest magnitude; NaN where there is one, which `max` of Python might pass over."""
    return float(np.abs(values).max())


def _latencies(
    ours: Callable[[Batch], Answer], theirs: Callable[[Batch], Answer], images: Batch
) -> tuple[float, float]:
    """Milliseconds a call on a quiet machine: the lower quartile over short rounds that take turns."""
    settle_allocator()
    calls = [max(1, int(_SECONDS_A_ROUND / _seconds(run, images, 3))) for run in (ours, theirs)]
    rounds = [(_seconds(ours, images, calls[0]), _seconds(theirs, images, calls[1])) for _ in range(_ROUNDS)]
    first, second = (1e3 * statistics.quantiles(times)[0] for times in zip(*rounds, strict=True))
    return first, second


def _seconds(run: Callable[[Batch], Answer], images: Batch, calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        run(images)
    return (time.perf_counter() - begin) / calls
