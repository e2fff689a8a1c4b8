"""Every evaluation of a run, in SQLite: written one by one, read back when a run is resumed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from coernas_moo.errors import RunError
from coernas_moo.evaluation.record import Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS evaluations (
    genotype TEXT NOT NULL,
    settings TEXT NOT NULL,
    seed INTEGER NOT NULL,
    proxies TEXT NOT NULL,
    costs TEXT NOT NULL,
    failure TEXT,
    over_limit INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (genotype, settings, seed)
)
"""


# An update keeps the row's place, which INSERT OR REPLACE would not.
_UPSERT = """
INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (genotype, settings, seed) DO UPDATE SET
    proxies = excluded.proxies, costs = excluded.costs, failure = excluded.failure,
    over_limit = excluded.over_limit, tries = excluded.tries, seconds = excluded.seconds
"""

_AT_ONCE = 500
"""Genotypes in one query; SQLite takes a limited number of parameters."""

_COLUMNS = "genotype, proxies, costs, failure, over_limit, tries, seconds"


class Journal:
    """One row per canonical genotype, scoring settings and seed.

    A row is on disk when `write` returns (write-ahead log), so a killed process loses what was in flight, not more.

    Args:
        path: the SQLite file, made where it is absent.
        settings: fingerprint of everything that values depend on besides genotype and seed.
        seed: of the run.

    Raises:
        RunError: the file is not a journal, or cannot be written.
    """

    def __init__(self, path: Path, settings: str, seed: int) -> None:
        self.path = path
        self.settings = settings
        self.seed = seed
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise RunError(f"{path}: cannot be used as a journal: {error}") from None

    def __len__(self) -> int:
        query = "SELECT COUNT(*) FROM evaluations WHERE settings = ? AND seed = ?"
        count: int = self._asked(query, (self.settings, self.seed))[0][0]
        return count

    def _asked(self, query: str, values: Sequence[object]) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise RunError(f"{self.path}: cannot be read as a journal: {error}") from None

    def require_one_run(self) -> None:
        """Check that all rows were made with these settings and this seed: only then can they be ranked together.

        Raises:
            RunError: some were not.
        """
        query = "SELECT COUNT(*) FROM evaluations WHERE settings != ? OR seed != ?"
        others = self._asked(query, (self.settings, self.seed))[0][0]
        if others:
            raise RunError(
                f"{self.path}: {others} evaluations were made with other settings, plugins or formulas than these; "
                "give another --out for a new run"
            )

    def read(self, texts: Sequence[str]) -> dict[str, Record]:
        """The records that there are of canonical genotypes, by text."""
        found: dict[str, Record] = {}
        for start in range(0, len(texts), _AT_ONCE):
            wanted = texts[start : start + _AT_ONCE]
            rows = self._asked(
                f"SELECT {_COLUMNS} FROM evaluations WHERE settings = ? AND seed = ? "
                f"AND genotype IN ({', '.join('?' * len(wanted))})",
                (self.settings, self.seed, *wanted),
            )
            found |= {row[0]: _record(row, self.path) for row in rows}
        return found

    def write(self, record: Record) -> None:
        """Store a record in place of an older one of the same genotype; raises `RunError` where the disk is full."""
        try:
            self._connection.execute(
                _UPSERT,
                (
                    record.text,
                    self.settings,
                    self.seed,
                    json.dumps(dict(record.proxies)),
                    json.dumps(dict(record.costs)),
                    record.failure,
                    int(record.over_limit),
                    record.tries,
                    record.seconds,
                ),
            )
        except sqlite3.Error as error:
            raise RunError(
                f"{self.path}: cannot be written: {error}; what is in it is kept: make room and continue with --resume"
            ) from None

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _record(row: tuple[str, str, str, str | None, int, int, float], path: Path) -> Record:
    text, proxies, costs, failure, over_limit, tries, seconds = row
    try:
        return Record(text, json.loads(proxies), json.loads(costs), failure, bool(over_limit), tries, seconds)
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: the evaluation of {text!r} cannot be read: {error}") from None


def read_all(path: Path, made_with: tuple[str, int] | None = None) -> list[Record]:
    """All records of a journal that holds one run, in the order in which they were first written.

    Args:
        path: the SQLite file.
        made_with: settings and seed that the records have to be made with; any by default.

    Raises:
        RunError: there is no journal, the file is not one, or its records were made with something else.
    """
    try:
        # Where SQLite may not make the shared memory of a write-ahead log, it reads only what cannot change.
        log = path.with_name(f"{path.name}-wal")
        readable = log.exists() or os.access(path.parent, os.W_OK)
        try:
            rows = _rows(path, "mode=ro" if readable else "mode=ro&immutable=1")
        except sqlite3.OperationalError:
            # A process that was killed in the middle of a transaction has left it to be rolled back first.
            if not (readable and path.exists()):
                raise
            rows = _rows(path, "mode=rw")
    except sqlite3.Error as error:
        raise RunError(f"{path}: cannot be read as a journal: {error}") from None
    if made_with is not None and any(row[-2:] != made_with for row in rows):
        raise RunError(
            f"{path}: its networks were scored with another [space], [score], seed, plugins, images or formulas than "
            "these will be; leave --scores-of out"
        )
    return [_record(row[:-2], path) for row in rows]


def _rows(path: Path, options: str) -> list[Any]:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True)
    try:
        # A process that was killed just after it made the file has left it without its table.
        every = f"SELECT {_COLUMNS}, settings, seed FROM evaluations ORDER BY rowid"
        begun = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'evaluations'").fetchone()
        return connection.execute(every).fetchall() if begun else []
    finally:
        connection.close()
