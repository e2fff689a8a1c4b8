"""JSON documents that this package writes, read back."""

from __future__ import annotations

import errno
import os
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
    """The document in a file; arguments as of `read_json_if_there`, and one more.

    Args:
        missing: the whole message where there is no such file; by default as for one that cannot be read.

    Raises:
        CoernasError: of the class `error`: the file is missing, cannot be read, or is not such a document.
    """
    document = read_json_if_there(path, kind, what, advice, written_as, error)
    if document is None:
        raise error(missing or f"{path}: cannot be read: {os.strerror(errno.ENOENT)}")
    return document


def read_json_if_there(
    path: Path,
    kind: type[Document],
    what: str,
    advice: str = "",
    written_as: str | None = None,
    error: type[CoernasError] = RunError,
) -> Document | None:
    """The document in a file, None where there is no such file.

    Args:
        path: of the file.
        kind: class of the document.
        what: it should be, with an article.
        advice: what to do with a file that is not that.
        written_as: the `format` it must have; not looked at by default, as where the class allows one only.
        error: class of the errors.

    Raises:
        CoernasError: of the class `error`: the file cannot be read, or is not such a document.
    """
    end = f"; {advice}" if advice else ""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        raise error(f"{path}: not {what}: {reason}{end}") from None
    found = written_as if written_as is None else getattr(document, "format", None)
    if found != written_as:
        raise error(f"{path}: has format {found!r}, this version reads {written_as!r}{end}")
    return document
