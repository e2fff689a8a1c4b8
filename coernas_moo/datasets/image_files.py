"""Data sets whose images are files: listing, inspection of headers, loading."""

from __future__ import annotations

import statistics
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coernas_moo.datasets.dataset import Dataset, DatasetInfo, LabelledImages, Unreadable
from coernas_moo.datasets.grades import check_grades
from coernas_moo.datasets.images import Header, UnreadableImage, decode, looks_whole, read_header
from coernas_moo.datasets.settings import ImageFileSettings, height_and_width
from coernas_moo.errors import DataError
from coernas_moo.networks.layers import Shape

T = TypeVar("T")

INSPECTED = 512
"""At most so many headers are read when a data set is opened, evenly spaced over all images."""

DECODED = 64
"""At most so many images without any sign of damage are decoded by `verify`, evenly spaced."""

LARGEST_DEFAULT_SIDE = 512
"""Unless a size is set, larger images are scaled down to it: what the search spaces are made for."""


@dataclass(frozen=True)
class LabelledFile:
    """One image file: its name within the data set, where it is, its class by number."""

    name: str
    path: Path
    label: int


def natural_order(names: Iterable[str]) -> list[str]:
    """Names of classes in order: by number where every name is an integer, else as text.

    Example:
        >>> natural_order(["10", "9", "-1"]), natural_order(["b", "10", "9"])
        (['-1', '9', '10'], ['10', '9', 'b'])
    """
    unique = sorted(set(names))
    try:
        return sorted(unique, key=int)
    except ValueError:
        return unique


def normal_text(text: str) -> str:
    """Text in one Unicode form, so that names written by different systems compare equal."""
    return unicodedata.normalize("NFC", text)


def spaced(count: int, most: int) -> list[int]:
    """At most `most` of `count` positions, evenly spaced, the first and the last among them.

    Example:
        >>> spaced(3, 5), spaced(9, 3)
        ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def default_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Height and width to load images of several sizes at.

    The common size; if they differ, the median height and width, each rounded to a multiple of 8. Either way, what
    is larger than `LARGEST_DEFAULT_SIDE` is scaled down to it with its aspect.

    Example:
        >>> default_size([(30, 50)] * 3), default_size([(30, 50), (41, 60), (43, 70)]), default_size([(2136, 3216)])
        ((30, 50), (40, 64), (340, 512))
    """
    height, width = (statistics.median_low(side) for side in zip(*sizes, strict=True))
    scale = min(1.0, LARGEST_DEFAULT_SIDE / max(height, width))
    if len(set(sizes)) == 1:
        return max(1, round(height * scale)), max(1, round(width * scale))
    return _multiple_of_8(height * scale), _multiple_of_8(width * scale)


def _multiple_of_8(side: float) -> int:
    # Halves go up, where Python's rounding would take the even one: 60 becomes 64 and so does 68.
    return max(8, 8 * int(side / 8 + 0.5))


class ImageFiles(Dataset):
    """Image files with labels.

    Args:
        kind: the registered kind.
        source: the folder or table, for messages.
        classes: names of the classes.
        files: per split, its files; positions in these tuples are the data set's indices.
        settings: size and channels to load the images at.
        notices: what the reader of the listing should be told.

    Raises:
        DataError: there are fewer than two classes, ordinal ones are no grades, or not one of the inspected images can
            be read.
    """

    def __init__(
        self,
        *,
        kind: str,
        source: Path,
        classes: Sequence[str],
        files: Mapping[str, Sequence[LabelledFile]],
        settings: ImageFileSettings,
        notices: Sequence[str] = (),
    ) -> None:
        if len(classes) < 2:
            raise DataError(f"{source} has one class only ({classes[0]!r}); a classifier needs at least two")
        if settings.ordinal:
            notices = [*notices, *check_grades(classes, source)]
        self._files = {split: tuple(members) for split, members in files.items()}
        self._broken: dict[Path, str] = {}
        headers = self._inspect()
        if not headers:
            path, reason = next(iter(self._broken.items()))
            raise DataError(f"no image of {source} can be read, for instance {path} ({reason})")
        counts = {
            split: tuple(int(c) for c in np.bincount([f.label for f in members], minlength=len(classes)))
            for split, members in self._files.items()
        }
        shape, resized = _shape(headers, settings)
        self._info = DatasetInfo(
            kind=kind,
            source=str(source),
            shape=shape,
            classes=tuple(classes),
            counts=counts,
            notices=(*notices, *resized),
        )

    @property
    def info(self) -> DatasetInfo:
        unreadable = tuple(Unreadable(path, self._broken[path]) for path in sorted(self._broken))
        return replace(self._info, unreadable=unreadable)

    def labels(self, split: str) -> Tensor:
        return torch.tensor([file.label for file in self._members(split)], dtype=torch.int64)

    def names(self, split: str) -> tuple[str, ...]:
        return tuple(file.name for file in self._members(split))

    def readable(self, split: str) -> npt.NDArray[np.int64]:
        good = [i for i, file in enumerate(self._members(split)) if file.path not in self._broken]
        return np.array(good, dtype=np.int64)

    def verify(self) -> tuple[Unreadable, ...]:
        """Looks for broken images; returns all known so far.

        Reads the first and last bytes of every file and decodes those that look cut off or like no image, and
        besides an evenly spaced sample of `DECODED` others.
        """
        paths = self._paths()
        sample = {paths[i] for i in spaced(len(paths), DECODED)}
        for path in paths:
            if path not in self._broken and (path in sample or not looks_whole(path)):
                self._attempt(self._decode, path)
        return self.info.unreadable

    def _read(self, split: str, indices: npt.NDArray[np.int64]) -> LabelledImages:
        members = self._members(split)
        images: list[npt.NDArray[np.float32]] = []
        labels: list[int] = []
        for index in indices:
            file = members[index]
            pixels = None if file.path in self._broken else self._attempt(self._decode, file.path)
            if pixels is not None:
                images.append(pixels)
                labels.append(file.label)
        stacked = np.stack(images) if images else np.empty((0, *self._info.shape), dtype=np.float32)
        return LabelledImages(torch.from_numpy(stacked), torch.tensor(labels, dtype=torch.int64))

    def _decode(self, path: Path) -> npt.NDArray[np.float32]:
        return decode(path, self._info.shape)

    def _members(self, split: str) -> tuple[LabelledFile, ...]:
        self._check_split(split)
        return self._files[split]

    def _paths(self) -> list[Path]:
        return [file.path for members in self._files.values() for file in members]

    def _inspect(self) -> list[Header]:
        paths = self._paths()
        headers = [self._attempt(read_header, paths[i]) for i in spaced(len(paths), INSPECTED)]
        return [header for header in headers if header is not None]

    def _attempt(self, read: Callable[[Path], T], path: Path) -> T | None:
        try:
            return read(path)
        except UnreadableImage as error:
            self._broken[path] = error.reason
            return None


def _shape(headers: Sequence[Header], settings: ImageFileSettings) -> tuple[Shape, tuple[str, ...]]:
    """The shape to load at, and a line where the user should know that images are scaled."""
    channels: Literal[1, 3] = 1 if all(header.grey for header in headers) else 3
    if settings.channels != "auto":
        channels = settings.channels
    if settings.size is not None:
        return Shape(channels, *height_and_width(settings.size)), ()
    sizes = [(header.height, header.width) for header in headers]
    height, width = default_size(sizes)
    shape = Shape(channels, height, width)
    if set(sizes) == {(height, width)}:
        return shape, ()
    heights, widths = zip(*sizes, strict=True)
    spread = f"{min(heights)}x{min(widths)} to {max(heights)}x{max(widths)}"
    return shape, (f"images of {spread} pixels are resized to {height}x{width}; set data.size to choose",)
