"""Reading a table of names and labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coernas_moo.errors import DataError

TABLE_SUFFIXES = frozenset({".csv", ".tsv"})


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file by their names; all of one length."""

    columns: Mapping[str, Sequence[str]]


def find_table(path: Path) -> Path:
    """The table that `path` means: itself, or the one in it.

    Raises:
        DataError: a folder without a table, or with several none of which is `train.csv`.
    """
    if not path.is_dir():
        return path
    try:
        entries = list(path.iterdir())
    except OSError as error:
        raise DataError(f"folder {path} cannot be listed: {error.strerror}") from None
    tables = sorted(p for p in entries if p.suffix.lower() in TABLE_SUFFIXES and not p.name.startswith("."))
    if len(tables) == 1:
        return tables[0]
    if path / "train.csv" in tables:
        return path / "train.csv"
    if not tables:
        raise DataError(f"there is no .csv file in {path}; give the table with the labels as --data or data.path")
    names = ", ".join(p.name for p in tables)
    raise DataError(f"{path} has several tables ({names}); give one of them as --data or data.path")


def read_table(file: Path) -> Table:
    """Reads a table in UTF-8 with a header line; separated by commas, semicolons or tabs.

    Raises:
        DataError: the file is no such table, or has no rows.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        header = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=header.count)
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if any(row)]
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no CSV table in UTF-8: {error}") from None
    if len(rows) < 2:
        raise DataError(f"{file} has no rows; it should have a header line and one line for each image")
    names = [name.strip() for name in rows[0]]
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise DataError(f"{file} has two columns {twice!r}; rename or remove one")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(names):
            raise DataError(f"row {number} of {file} has {len(row)} fields where the header has {len(names)}")
    return Table({name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(names)})
