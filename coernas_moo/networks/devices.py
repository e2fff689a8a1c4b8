"""Devices and threads of torch, with errors that a user can do something about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from coernas_moo.errors import CoernasError


def torch_device(device: torch.device | str, remedy: str) -> torch.device:
    """The device of a name, on this machine.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        remedy: what to do instead where this machine has no such device.

    Raises:
        CoernasError: torch knows no such device, or this machine has none.

    Example:
        >>> torch_device("cpu", "use cpu")
        device(type='cpu')
    """
    try:
        found = torch.device(device)
    except RuntimeError:
        raise CoernasError(f"torch has no device {str(device)!r}; use cpu, cuda or cuda:N") from None
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise CoernasError(f"this machine has no device {str(device)!r}; {remedy}")
    return found


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Torch uses `threads` threads inside; the number before is restored.

    Raises:
        CoernasError: fewer than one thread.
    """
    if threads < 1:
        raise CoernasError(f"torch works with at least 1 thread, not {threads}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
