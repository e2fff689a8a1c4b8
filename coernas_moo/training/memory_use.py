"""How much memory a training needs at most."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import torch


def restart_peak(device: torch.device) -> None:
    """Count the peak from now on, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    # proc(5): 5 sets the peak resident set size back to the current one.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_megabytes(device: torch.device) -> float | None:
    """Peak in MB since `restart_peak`: of the GPU's memory, else of this process; None where it cannot be known."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
