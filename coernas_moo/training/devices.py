"""Where a network is trained: device, threads, precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from coernas_moo.errors import ModelError


def device_named(name: str) -> torch.device:
    """`auto`: a GPU if there is one.

    Raises:
        ModelError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"torch has no device {name!r}; use cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"this machine has no device {name!r}; train on cpu")
    return device


def takes_bfloat16(device: torch.device) -> bool:
    """Whether activations are bfloat16, which has float32's range, so that no gradient has to be scaled."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Torch's number of threads and random state are as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
