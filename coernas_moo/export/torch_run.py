"""Modules as functions from arrays to arrays, so that all formats are run and timed alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from coernas_moo.export.formats import Answer, Batch
from coernas_moo.networks.memory import channels_last


def answers_of(module: Callable[[Tensor], Tensor]) -> Callable[[Batch], Answer]:
    """`module` as a function from arrays to arrays."""

    def run(images: Batch) -> Answer:
        with torch.inference_mode():
            logits = module(channels_last(torch.from_numpy(images)))
            return Answer(logits.numpy(), logits.softmax(dim=1).numpy())

    return run
