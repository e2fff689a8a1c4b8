"""From a path alone to the settings that read it."""

from __future__ import annotations

from pathlib import Path

from coernas_moo.datasets.csv_table import guess_columns
from coernas_moo.datasets.folder import FolderSettings
from coernas_moo.datasets.listing import subfolders
from coernas_moo.datasets.settings import ImageFileSettings
from coernas_moo.datasets.table import TABLE_SUFFIXES, find_table
from coernas_moo.errors import DataError


def guess(path: Path, images: str = "") -> ImageFileSettings:
    """Settings for the images at `path`: a table; a folder with a table whose columns can be told; else class folders.

    Only the layout is looked at; `open` on the result finds what is wrong inside.

    Args:
        path: the table or folder.
        images: folder of a table's images, relative to the table, where it is not one that is found.

    Raises:
        DataError: nothing is there, it is neither a table nor a folder, or a folder of `images` goes with no table.
    """
    path = path.expanduser().absolute()
    if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
        return guess_columns(path, images)
    if not path.exists():
        raise DataError(f"there is no file or folder {path}; give a folder with one subfolder of images for each class")
    if not path.is_dir():
        raise DataError(f"{path} is neither a folder nor a .csv table; give the folder with the images")
    try:
        return guess_columns(find_table(path), images)
    except DataError:
        # A stray table among class folders is common; without folders the table was meant.
        if images or (len(subfolders(path)) < 2 and _has_table(path)):
            raise
        return FolderSettings(path=str(path))


def _has_table(folder: Path) -> bool:
    return any(entry.suffix.lower() in TABLE_SUFFIXES for entry in folder.iterdir())
