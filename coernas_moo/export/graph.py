"""What the exports that trace a network share: example images, silence."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from coernas_moo.networks.shape import Shape


def example_images(shape: Shape) -> tuple[Tensor, dict[int, Any]]:
    """A batch to trace with, and its dynamic dimensions: the first one alone.

    Two images: a batch of one would be taken for a constant.
    """
    return torch.zeros(2, *shape), {0: torch.export.Dim("batch")}


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of exporters, which a user can do nothing about."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
