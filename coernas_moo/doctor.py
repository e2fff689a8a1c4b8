"""What a search depends on, on this machine: versions, cores, devices, caches, places to write."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch
from pymoo.functions import is_compiled

from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.objectives.latency import device_name
from coernas_moo.objectives.latency_table import cache_directory
from coernas_moo.versions import versions


def examine(runs: Path) -> dict[str, Any]:
    """Everything `coernas doctor` shows, as plain values.

    Args:
        runs: folder that new runs land in.
    """
    return {
        "versions": versions(),
        "system": platform.platform(),
        "processor": device_name(),
        "cores": {"usable": available_cores(), "machine": os.cpu_count()},
        "torch_threads": {"here": torch.get_num_threads(), "in_workers": 1},
        "cuda_devices": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "pymoo_compiled": bool(is_compiled()),
        "runs": {"folder": str(runs), "writable": is_writable(runs)},
        "cache": {"folder": str(cache_directory()), "writable": is_writable(cache_directory())},
        "latency_tables": [describe_table(path) for path in sorted(cache_directory().glob("*.json"))],
    }


def problems(found: dict[str, Any]) -> list[str]:
    """What to put right, one line each, from what `examine` found."""
    lines = []
    if not found["runs"]["writable"]:
        lines.append(f"runs cannot be written to {found['runs']['folder']}: search with --out, or elsewhere")
    if not found["cache"]["writable"]:
        lines.append(f"latencies cannot be kept in {found['cache']['folder']}: set COERNAS_CACHE to a writable folder")
    if not found["pymoo_compiled"]:
        lines.append("pymoo's compiled modules are missing; sorting is slower, results are the same")
    lines += [
        f"{table['file']} is not a latency table; remove it" for table in found["latency_tables"] if "error" in table
    ]
    return lines


def is_writable(folder: Path) -> bool:
    """Whether files can be made in the folder, or in the nearest one above that exists; tries it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def describe_table(path: Path) -> dict[str, Any]:
    """Device, version of torch, threads, batch and number of entries of a stored latency table, or an `error`."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        described = {key: stored[key] for key in ("device", "torch", "threads", "batch")}
        return {"file": str(path), **described, "entries": len(stored["entries"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"file": str(path), "error": f"{type(error).__name__}: {error}"}
