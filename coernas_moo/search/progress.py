"""What a search reports while it runs, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.record import Record
from coernas_moo.spaces import SearchSpace


@dataclass(frozen=True)
class Progress:
    """Where a search stands; budgets that are not set are None.

    `best` is the best value of the first objective; `hypervolume` is that of the front, objectives scaled by the
    ranges of the archive, reference point 1.
    """

    generation: int
    generations: int | None
    evaluations: int
    max_evaluations: int | None
    archive: int
    front: int
    best: float
    hypervolume: float
    failures: int
    seconds: float
    evaluations_per_second: float
    seconds_left: float | None


class Listener:
    """Receives the events of a search; every method does nothing here."""

    def started(self, problem: ProblemFile, space: SearchSpace, dataset: Dataset, directory: Path) -> None:
        """The data has been read and the workers are about to start."""

    def evaluated(self, record: Record, progress: Progress) -> None:
        """One candidate is done; `progress` is that of the last generation, with the counts moved on."""

    def generation(self, progress: Progress) -> None:
        """One generation is done."""
