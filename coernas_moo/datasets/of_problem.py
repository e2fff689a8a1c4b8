"""The data set that a problem file names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coernas_moo.errors import DataError

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile
    from coernas_moo.datasets.dataset import Dataset


def open_data(problem: ProblemFile) -> Dataset:
    """The problem's data set, checked for broken images.

    Raises:
        DataError: no path is given, or nothing usable is there.
    """
    settings = problem.data_settings
    if settings.needs_path:
        raise DataError(f"problem {problem.name!r} needs images: give --data FOLDER, or set data.path")
    dataset = settings.open(Path.cwd())
    dataset.verify()
    return dataset
