"""Folders and image files as a listing: what counts, what systems leave behind, in which order."""

from __future__ import annotations

import os
from pathlib import Path

from coernas_moo.datasets.images import is_image_name
from coernas_moo.errors import DataError

_IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__", "@eaDir", "$RECYCLE.BIN"})


def subfolders(folder: Path) -> list[Path]:
    """Folders in `folder` that may hold images, sorted by name; hidden ones and those of operating systems left out.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        entries = [e for e in folder.iterdir() if e.is_dir()]
    except OSError as error:
        raise DataError(f"folder {folder} cannot be listed: {error.strerror}") from None
    return sorted(e for e in entries if _visible(e.name))


def list_images(folder: Path) -> list[Path]:
    """All image files below `folder`, told by suffix, sorted; links are followed, but not to where they lie in.

    Raises:
        DataError: a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise DataError(f"folder {error.filename} cannot be listed: {error.strerror}")

    found: list[Path] = []
    # A link to a folder that this one lies in would bring in everything beside it.
    visited = {str(parent) for parent in Path(os.path.realpath(folder)).parents}
    for parent, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if _visible(name))
        found.extend(Path(parent, name) for name in files if is_image_name(name))
    return sorted(found)


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in _IGNORED_FOLDERS
