"""One search of a comparison, and the file that keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from coernas_moo.errors import RunError
from coernas_moo.files import write_atomically
from coernas_moo.folders import SEARCHES


@dataclass(frozen=True)
class Trajectory:
    """One search.

    Args:
        algorithm, seed: which.
        texts: canonical genotypes that were evaluated, in order.
        seconds: processor time, without workers.
        first: how many of them are the first population, by which scores rank; None: all.
    """

    algorithm: str
    seed: int
    texts: tuple[str, ...]
    seconds: float
    first: int | None


def trajectory_path(directory: Path, name: str, seed: int, evaluations: int) -> Path:
    """Where a comparison keeps the search of an algorithm with a seed and a budget."""
    return directory / SEARCHES / f"{name}-{seed}-{evaluations}.json"


def write_trajectory(path: Path, trajectory: Trajectory) -> None:
    """Keep a search; raises `RunError` where the file cannot be written."""
    path.parent.mkdir(exist_ok=True)
    write_atomically(
        path, json.dumps({"texts": trajectory.texts, "first": trajectory.first, "seconds": trajectory.seconds})
    )


def read_trajectory(path: Path, name: str, seed: int) -> Trajectory | None:
    """A search that was kept, or None; raises `RunError` for a file that cannot be read."""
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        first = None if document["first"] is None else int(document["first"])
        return Trajectory(name, seed, tuple(document["texts"]), float(document["seconds"]), first)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: cannot be read ({error}); delete it, and the search is made again") from None
