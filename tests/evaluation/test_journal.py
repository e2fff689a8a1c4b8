from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.errors import RunError
from coernas_moo.evaluation.journal import Journal, read_all
from coernas_moo.evaluation.record import Record


def bits(value: float) -> bytes:
    return struct.pack("d", value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record = Record("a/b", {"x": 0.1}, {"params": 3.0}, None, False, 1, 0.25)
    failed = Record("c", failure="worker killed", tries=2)
    with Journal(tmp_path / "j", "settings", 1) as journal:
        assert journal.read(["a/b"]) == {}
        journal.write(record)
        journal.write(failed)
        assert journal.read(["a/b", "c", "d"]) == {"a/b": record, "c": failed}
        assert len(journal) == 2
    assert read_all(tmp_path / "j") == [record, failed]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=5))
def test_floats_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    named = {str(i): value for i, value in enumerate(values)}
    with Journal(path, "s", 1) as journal:
        journal.write(Record("a", named, named, seconds=0.1 + 0.2))
    (record,) = read_all(path)
    for back in (record.proxies, record.costs):
        assert [bits(v) for v in back.values() if not math.isnan(v)] == [bits(v) for v in values if not math.isnan(v)]
        assert [math.isnan(v) for v in back.values()] == [math.isnan(v) for v in values]
    assert record.seconds == 0.1 + 0.2


def test_a_record_written_again_keeps_its_place(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", "s", 1) as journal:
        for text in "abc":
            journal.write(Record(text))
        journal.write(Record("a", costs={"latency_ms": 2.0}))
        assert journal.read(["a"]) == {"a": Record("a", costs={"latency_ms": 2.0})}
    assert [record.text for record in read_all(tmp_path / "j")] == ["a", "b", "c"]


def test_a_row_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", "s", 1) as journal:
        journal.write(Record("a"))
        assert read_all(tmp_path / "j") == [Record("a")]
        assert journal.read(["a"]) == {"a": Record("a")}


@pytest.mark.parametrize(("settings", "seed"), [("other", 1), ("s", 2)])
def test_other_settings_do_not_mix(tmp_path: Path, settings: str, seed: int) -> None:
    with Journal(tmp_path / "j", "s", 1) as journal:
        journal.write(Record("a"))
        journal.require_one_run()
    with Journal(tmp_path / "j", settings, seed) as journal:
        assert journal.read(["a"]) == {}
        assert len(journal) == 0
        with pytest.raises(RunError, match="1 evaluations were made with other settings"):
            journal.require_one_run()


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text("this is not a database" * 100)
    with pytest.raises(RunError, match="cannot be used as a journal"):
        Journal(path, "s", 1)
    with pytest.raises(RunError, match="cannot be read as a journal"):
        read_all(path)
    with pytest.raises(RunError, match="cannot be read as a journal"):
        read_all(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() != 0, reason="becomes another user")
def test_a_journal_is_read_where_nothing_may_be_written() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        with Journal(folder / "j", "s", 1) as journal:
            journal.write(Record("a"))
        folder.chmod(0o555)
        (folder / "j").chmod(0o444)
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        reader = context.Process(target=_read_as_nobody, args=(folder / "j", theirs))
        reader.start()
        assert ours.recv() == [Record("a")]
        reader.join()
    finally:
        shutil.rmtree(folder)


def _read_as_nobody(path: Path, connection: Connection) -> None:
    os.setgid(65534)
    os.setuid(65534)
    try:
        connection.send(read_all(path))
    except RunError as error:
        connection.send(str(error))


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", "s", 1) as journal:
        locker = sqlite3.connect(tmp_path / "j", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        journal._connection.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(RunError, match="cannot be written"):
            journal.write(Record("a"))
        locker.execute("ROLLBACK")
        locker.close()
        journal.write(Record("a"))


def test_a_journal_killed_before_its_table_was_made_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    sqlite3.connect(path).execute("PRAGMA journal_mode=WAL").connection.close()
    assert read_all(path) == []
    with Journal(path, "settings", 0) as journal:
        journal.write(Record("a"))
    assert [record.text for record in read_all(path)] == ["a"]


def test_a_journal_killed_in_the_middle_of_a_transaction_is_rolled_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path, "s", 0) as journal:
        journal.write(Record("whole", {"p": 1.0}, tries=1))
    # A rollback journal, as SQLite has one until the write-ahead log is switched on.
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for line in ('journal_mode=DELETE', 'cache_size=1', 'synchronous=FULL'): c.execute(f'PRAGMA {line}')\n"
        "c.execute('BEGIN')\n"
        "row = 'INSERT INTO evaluations VALUES (?, ?, 0, ?, ?, NULL, 0, 1, 0.0)'\n"
        "for i in range(2000): c.execute(row, (f'g{i}', 's', '{}', 'x' * 500))\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.with_name("journal.sqlite-journal").stat().st_size > 0
    assert [record.text for record in read_all(path)] == ["whole"]


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE evaluations",
        "UPDATE evaluations SET proxies = '{'",
        "UPDATE evaluations SET costs = NULL WHERE 0 = 1; ALTER TABLE evaluations RENAME COLUMN seed TO grain",
    ],
)
def test_a_damaged_journal_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "j"
    with Journal(path, "settings", 1) as journal:
        journal.write(Record("a", {"x": 1.0}))
        with sqlite3.connect(path) as connection:
            connection.executescript(damage)
        connection.close()
        with pytest.raises(RunError, match=r"j: (cannot be read as a journal|the evaluation of 'a' cannot be read)"):
            journal.read(["a"])
