"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from pathlib import Path

from coernas_moo.errors import RunError


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by a file that holds `text` (UTF-8); a process killed meanwhile leaves the old one.

    Raises:
        RunError: the folder is read-only, the disk is full, ...
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None
