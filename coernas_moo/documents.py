"""JSON documents that this package writes, read back."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from coernas_moo.errors import CoernasError, RunError

Document = TypeVar("Document", bound=msgspec.Struct)


def read_json(
    path: Path,
    kind: type[Document],
    what: str,
    advice: str = "",
    missing: str | None = None,
    written_as: str | None = None,
    error: type[CoernasError] = RunError,
) -> Document:
    """The document in a file.

    Args:
        path: of the file.
        kind: its class.
        what: it should be, with an article.
        advice: what to do with one that is not that.
        missing: the whole error where there is no such file.
        written_as: its `format`, where it has one that is a text.
        error: class of the errors.

    Raises:
        CoernasError: an `error`: the file is missing, cannot be read, or is not such a document.
    """
    end = f"; {advice}" if advice else ""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as reason:
        if missing is not None and isinstance(reason, FileNotFoundError):
            raise error(missing) from None
        raise error(f"{path}: cannot be read: {reason.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        raise error(f"{path}: not {what}: {reason}{end}") from None
    found = written_as if written_as is None else getattr(document, "format", None)
    if found != written_as:
        raise error(f"{path}: has format {found!r}, this version reads {written_as!r}{end}")
    return document
