"""Documents that are read back, or refused with one line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coernas_moo.documents import read_json, read_json_if_there
from coernas_moo.errors import ModelError, RunError


class Note(msgspec.Struct):
    text: str
    format: str = "note-1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "note.json"
    path.write_text('{"text": "a", "format": "note-1"}')
    return path


def test_a_document_is_read(file: Path) -> None:
    assert read_json(file, Note, "a note", written_as="note-1") == Note("a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a note: .*; write it again"),
        (b"[]", "not a note: .*; write it again"),
        (b'{"text": 1}', "not a note: .*; write it again"),
        (b'{"text": "\xff\xfe"}', "not a note: .*; write it again"),
        (b'{"text": "a", "format": "note-2"}', "has format 'note-2', this version reads 'note-1'; write it again"),
    ],
)
def test_what_is_no_such_document_is_refused(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(RunError, match=f"note.json: {said}"):
        read_json(file, Note, "a note", "write it again", written_as="note-1")


def test_a_missing_file_is_told_as_the_caller_says(file: Path) -> None:
    file.unlink()
    with pytest.raises(RunError, match=r"note\.json: cannot be read: No such file or directory"):
        read_json(file, Note, "a note")
    with pytest.raises(ModelError, match=r"^no note here$"):
        read_json(file, Note, "a note", missing="no note here", error=ModelError)
    file.mkdir()
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        read_json(file, Note, "a note", missing="no note here", error=ModelError)


def test_a_document_may_be_missing_but_not_unreadable(file: Path) -> None:
    assert read_json_if_there(file, Note, "a note") == Note("a")
    with pytest.raises(RunError, match="cannot be read: Not a directory"):
        read_json_if_there(file / "note.json", Note, "a note")
    file.unlink()
    assert read_json_if_there(file, Note, "a note") is None
