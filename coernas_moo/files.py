"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from coernas_moo.errors import RunError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by a file that holds `content` (text as UTF-8); a process killed meanwhile leaves the old one.

    Raises:
        RunError: the folder does not exist or is read-only, the disk is full, ...
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None
