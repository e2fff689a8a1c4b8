"""`history.csv`: one row a generation."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from coernas_moo.errors import RunError
from coernas_moo.files import write_atomically
from coernas_moo.search.progress import Progress

COLUMNS = ("generation", "evaluations", "archive", "front", "best", "hypervolume", "failures", "seconds")


class History:
    """Rows of a run; one that is resumed keeps the rows that it has not replayed yet, and the times of the others.

    Raises:
        RunError: there is a file, but not a history.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        before = read_history(path) if path.exists() else []
        self._seconds = {(int(row["generation"]), int(row["evaluations"])): row["seconds"] for row in before}
        whole = ("generation", "evaluations", "archive", "front", "failures")
        self._rows: dict[int, dict[str, object]] = {
            int(row["generation"]): {key: int(value) if key in whole else value for key, value in row.items()}
            for row in before
        }

    def add(self, progress: Progress) -> None:
        """Add a generation's row, or replace it."""
        row = {column: getattr(progress, column) for column in COLUMNS}
        row["seconds"] = self._seconds.get((progress.generation, progress.evaluations), round(progress.seconds, 3))
        self._rows[progress.generation] = row

    def write(self) -> None:
        """Write all rows."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows.values())
        write_atomically(self.path, text.getvalue())


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows as numbers, in order; raises `RunError` for a file that is not a history."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{column: float(row[column]) for column in COLUMNS} for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: not the history of a run ({type(error).__name__}: {error})") from None
