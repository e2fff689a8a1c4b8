"""Where a network is trained: device, threads, precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from coernas_moo.errors import CoernasError, ModelError
from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.networks.devices import torch_device, torch_threads


def device_named(name: str) -> torch.device:
    """`auto`: a GPU if there is one.

    Raises:
        ModelError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch_device(name, "train on cpu")
    except CoernasError as error:
        raise ModelError(str(error)) from None


def default_threads() -> int:
    """Torch threads of a training where none are asked for: `OMP_NUM_THREADS`, or one a core.

    Example:
        >>> default_threads() >= 1
        True
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else available_cores()


def takes_bfloat16(device: torch.device) -> bool:
    """Whether activations are bfloat16, which has float32's range, so that no gradient has to be scaled.

    Older GPUs only emulate it, slower than they compute float32.
    """
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        native: bool = torch.cuda.is_bf16_supported(including_emulation=False)
    return native


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Torch's number of threads and random state are as before afterwards."""
    with torch_threads(threads), torch.random.fork_rng(devices=[]):
        yield
