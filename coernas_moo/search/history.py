"""`history.csv`: one row a generation."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from coernas_moo.files import write_atomically
from coernas_moo.search.progress import Progress

COLUMNS = ("generation", "evaluations", "archive", "front", "best", "hypervolume", "failures", "seconds")


class History:
    """Rows of a run; a resumed run keeps the times of the generations that it only replays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[int, dict[str, object]] = {}
        self._seconds = {row["generation"]: row["seconds"] for row in read_history(path)} if path.exists() else {}

    def add(self, progress: Progress) -> None:
        """Add a generation's row, or replace it."""
        row = {column: getattr(progress, column) for column in COLUMNS}
        row["seconds"] = self._seconds.get(progress.generation, round(progress.seconds, 3))
        self._rows[progress.generation] = row

    def write(self) -> None:
        """Write all rows."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows.values())
        write_atomically(self.path, text.getvalue())


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows as numbers, in order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
