"""How tensors lie in memory, and what the process keeps there: worth half the time of a pass on a CPU."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

# oneDNN generates code for every shape of a convolution and keeps it for 1,024 of them, forward and backward apart: a
# few dozen networks. Beyond, a candidate waits for code that was generated before. Read at the first convolution.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")


def channels_last(maps: Tensor) -> Tensor:
    """The same values (n, c, h, w) in channels-last order, recognised as such by every operator.

    `Tensor.contiguous` leaves the strides of one-channel tensors alone, where both orders coincide; convolutions and
    pools then take them for channels-first and answer in that order, twice as slowly.

    Example:
        >>> channels_last(torch.zeros(1, 1, 8, 8)).stride()
        (64, 1, 8, 1)
    """
    return maps.to(memory_format=torch.channels_last)


def weights_channels_last(module: Module) -> Module:
    """The same module, its weights of four dimensions in channels-last order."""
    # Torch's types know this form of `to` from 2.14 on only.
    to: Any = module.to
    to(memory_format=torch.channels_last)
    return module


@cache
def settle_allocator() -> None:
    """Let freed memory stay with the process.

    The C library returns large blocks to the system at once, and each pass then pays for page faults, up to half its
    time. glibc can be told not to (mallopt(3)); elsewhere this does nothing.
    """
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 2**30)
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
