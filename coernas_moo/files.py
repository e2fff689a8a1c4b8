"""Files that several processes use: replaced in one step, locked by one at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from coernas_moo.errors import RunError

_held: set[Path] = set()
_at_held = threading.Lock()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by a file that holds `content`; a process killed meanwhile leaves the old one.

    Text is written as UTF-8, names of files that are none as the bytes that they are.

    Raises:
        RunError: the folder does not exist or is read-only, the disk is full, ...
    """
    # Of its own, since another process may be writing the same file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        temporary.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they do not exist; raises `RunError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be made: {error.strerror}; give another --out") from None


def lock_exclusively(descriptor: int, *, wait: bool = False) -> None:
    """Lock an open file, or fail at once; forked processes do not inherit the lock, and it ends with this one.

    Args:
        descriptor: of the file.
        wait: for whoever holds it.

    Raises:
        OSError: `EACCES` or `EAGAIN` where another process holds it.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def held_by_one(folder: Path, busy: str, otherwise: str) -> Iterator[None]:
    """Hold a folder for one process; the lock goes with the process, however it ends.

    Args:
        folder: made where it does not exist.
        busy: what to say where another process, or another caller in this one, holds it.
        otherwise: what to do where the folder cannot be written.

    Raises:
        RunError: the folder is held, or cannot be written.
    """
    key = folder.resolve()
    # Locks of files are between processes: callers in this one are told apart here.
    with _at_held:
        if key in _held:
            raise RunError(f"{folder}: {busy}")
        _held.add(key)
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / "lock").open("a", encoding="utf-8")
        except OSError as error:
            raise RunError(f"{folder}: cannot be written: {error.strerror}; {otherwise}") from None
        with file:
            try:
                lock_exclusively(file.fileno())
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    raise RunError(f"{folder}: {busy}") from None
                raise RunError(f"{folder}: cannot be locked: {error.strerror}") from None
            yield
    finally:
        with _at_held:
            _held.discard(key)
