"""Files that several processes use: replaced in one step, locked by one at a time."""

from __future__ import annotations

import contextlib
import sys
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


def lock_exclusively(descriptor: int) -> None:
    """Lock an open file, or fail at once; forked processes do not inherit the lock, and it ends with this one.

    Raises:
        OSError: `EACCES` or `EAGAIN` where another process holds it.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
