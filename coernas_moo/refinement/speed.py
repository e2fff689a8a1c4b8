"""What an epoch takes: measured on a few images, extended to the others by MACs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import torch

from coernas_moo.refinement.candidates import Candidate
from coernas_moo.training.data import Part, TrainingData
from coernas_moo.training.loop import train
from coernas_moo.training.model import build_module
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.spec import ModelSpec

IMAGES = 256
"""So many are trained on to know the speed."""


def epoch_seconds(
    candidates: Sequence[Candidate], specs: Mapping[int, ModelSpec], data: TrainingData, device: str
) -> dict[int, float]:
    """Seconds that an epoch of each candidate takes with one thread, by number.

    The candidates with the fewest and with the most MACs are trained on a few images; the others lie between them, in
    a straight line over MACs.
    """
    few = _few(data)
    low = min(candidates, key=lambda one: one.macs)
    high = max(candidates, key=lambda one: one.macs)
    ends = {one.number: _seconds_an_image(specs[one.number], few, device) for one in (low, high)}
    slope = (ends[high.number] - ends[low.number]) / (high.macs - low.macs) if high.macs > low.macs else 0.0
    images = len(data.train)
    return {one.number: images * max(1e-9, ends[low.number] + slope * (one.macs - low.macs)) for one in candidates}


def _few(data: TrainingData) -> TrainingData:
    count = min(IMAGES, len(data.train))
    judged = max(1, round(len(data.validation) * count / len(data.train)))
    return replace(data, train=_first(data.train, count), validation=_first(data.validation, judged))


def _first(part: Part, count: int) -> Part:
    return Part(part.store, part.rows[:count], part.labels[:count], part.names[:count])


def _seconds_an_image(spec: ModelSpec, few: TrainingData, device: str) -> float:
    recipe: Recipe = spec.recipe
    with torch.random.fork_rng(devices=[]):
        # The first epoch warms caches up.
        times = [row["seconds"] for row in train(build_module(spec), few, _epochs(recipe, 2), seed=spec.seed,
                                                 device=device, threads=1).history]  # fmt: skip
    return (times[-1] - times[0] if len(times) > 1 else times[0]) / len(few.train)


def _epochs(recipe: Recipe, epochs: int) -> Recipe:
    return msgspec.structs.replace(recipe, epochs=epochs, patience=0)
