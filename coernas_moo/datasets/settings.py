"""What a problem file says about its images, and the registry of kinds of data sets."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar

import msgspec

from coernas_moo.datasets.dataset import Dataset
from coernas_moo.errors import DataError
from coernas_moo.registry import Registry

Side = Annotated[int, msgspec.Meta(ge=1, le=4096)]

# A tuple of free length with two bounds: msgspec 0.22 reads the wrong memory for a tuple of fixed length that
# stands in one union with a bounded integer.
Size = Side | Annotated[tuple[Side, ...], msgspec.Meta(min_length=2, max_length=2)]
"""Height and width in pixels: one number for both, or `[height, width]`."""


def height_and_width(size: Size) -> tuple[int, int]:
    """The two sides that a `Size` means.

    Example:
        >>> height_and_width(32), height_and_width((24, 48))
        ((32, 32), (24, 48))
    """
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[data]` table of a problem file without its `kind`; a kind subclasses it and registers the subclass."""

    kind: ClassVar[str]
    augment: ClassVar[Literal["none", "digits", "photo", "surface"]] = "photo"
    """How training varies images of this kind where the problem does not say; nothing may change its class by it."""

    @property
    def needs_path(self) -> bool:
        """Whether a path has to be given (`with_path`) before the data set can be opened."""
        return False

    def with_path(self, path: str | Path) -> Self:
        """The same settings for the images at `path`, which is relative to the current directory.

        Raises:
            DataError: this kind of data set reads no files of the user.
        """
        raise DataError(f"data of kind {self.kind!r} reads no images from a path; {str(path)!r} cannot be used with it")

    @abstractmethod
    def open(self, base: Path) -> Dataset:
        """The data set; relative paths in the settings are relative to `base`.

        Raises:
            DataError: it is missing, broken or too small.
        """


class ImageFileSettings(DataSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of every kind of data set that reads image files.

    Args:
        path: where the images are; empty where the user names it on the command line.
        size: images are resized to it when they are read, without keeping the aspect; by default the images'
            own size (`image_files.default_size`).
        channels: 1 or 3; "auto" is 1 if every inspected image is stored in grey, else 3.
        ordinal: the classes are grades in order, so that trained networks are judged by quadratic kappa too.
    """

    path: str = ""
    size: Size | None = None
    channels: Literal[1, 3, "auto"] = "auto"
    ordinal: bool = False

    @property
    def needs_path(self) -> bool:
        return not self.path

    def with_path(self, path: str | Path) -> Self:
        return msgspec.structs.replace(self, path=str(Path(path).expanduser().absolute()))

    def resolve(self, base: Path) -> Path:
        """The path to read.

        Raises:
            DataError: the settings name no path, or nothing is there.
        """
        if self.needs_path:
            raise DataError("no images are named: give --data FOLDER, or set data.path in the problem file")
        path = base / Path(self.path).expanduser()
        require_text(path)
        try:
            found = path.exists()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
        if not found:
            raise DataError(
                f"there is no file or folder {path}; give the folder with the images as --data or data.path"
            )
        return path


def require_text(path: Path) -> None:
    """Check that a name can be written in files that are UTF-8.

    Raises:
        DataError: it has other bytes.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"the name of {str(path)!r} is not in UTF-8; rename it") from None


T = TypeVar("T", bound=DataSettings)

DATASETS: Registry[type[DataSettings]] = Registry("data set", group="coernas_moo.datasets")
"""Data sets by the `kind` that a problem file names."""


def register_dataset(settings: type[T]) -> type[T]:
    """Class decorator: registers settings under their `kind`."""
    DATASETS.add(settings.kind, settings)
    return settings
