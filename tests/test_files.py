from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coernas_moo.errors import RunError
from coernas_moo.files import held_by_one, write_atomically


def test_text_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "one")
    write_atomically(tmp_path / "a.txt", "zwei ü")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "zwei ü"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_a_write_that_fails_keeps_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "a.txt", "one")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match=r"a\.txt: cannot be written: No space left on device"):
        write_atomically(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "one"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    texts = [letter * 200_000 for letter in "abcd"]

    def write(text: str) -> None:
        for _ in range(30):
            write_atomically(tmp_path / "a.txt", text)

    with ThreadPoolExecutor(len(texts)) as threads:
        list(threads.map(write, texts))
    assert (tmp_path / "a.txt").read_text() in texts
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_held_by_one_thread(tmp_path: Path) -> None:
    inside, most, refused = 0, 0, 0

    def enter(_: int) -> None:
        nonlocal inside, most, refused
        try:
            with held_by_one(tmp_path, "busy", "otherwise"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1
        except RunError:
            refused += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(enter, range(200)))
    assert most == 1
    assert refused > 0


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written: No such file or directory"):
        write_atomically(tmp_path / "no" / "a.txt", "one")
