"""An exported ONNX file on image files: decoded as in training, normalised, run. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coernas_moo.datasets.images import UnreadableImage, decode
from coernas_moo.datasets.listing import list_images
from coernas_moo.errors import DataError
from coernas_moo.export.session import Session


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Args:
        path: of the image.
        probabilities: one a class, in the order of the model's classes.
    """

    path: Path
    probabilities: tuple[float, ...]

    def top(self, count: int) -> list[int]:
        """The most probable classes by number, the most probable first; of equal ones the first."""
        return sorted(range(len(self.probabilities)), key=lambda number: -self.probabilities[number])[:count]


class Predictor:
    """An exported ONNX file that takes image files.

    Args:
        path: the file.
        threads: of onnxruntime; 0 lets it choose.

    Raises:
        ExportError: see `Session`.
    """

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        self.path = Path(path)
        self._session = Session.open(self.path, threads)
        self.description = self._session.description
        self._mean, self._std = (
            np.array(values, dtype=np.float32).reshape(-1, 1, 1)
            for values in (self.description.mean, self.description.std)
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.description.classes

    def read(self, path: Path) -> NDArray[np.float32]:
        """An image file as the network takes it, (c, h, w); raises `UnreadableImage`."""
        return (decode(path, self.description.shape) - self._mean) / self._std

    def predict(self, paths: Sequence[Path], batch: int = 32) -> Iterator[Prediction | UnreadableImage]:
        """One answer an image, in order: a prediction, or why there is none.

        Args:
            paths: image files.
            batch: images that are run together; at most so many are in memory.
        """
        for start in range(0, len(paths), batch):
            read = [self._attempt(path) for path in paths[start : start + batch]]
            images = [image for image in read if not isinstance(image, UnreadableImage)]
            rows = iter(self._session.run(np.stack(images))[1].tolist() if images else ())
            for path, image in zip(paths[start : start + batch], read, strict=True):
                yield image if isinstance(image, UnreadableImage) else Prediction(path, tuple(next(rows)))

    def _attempt(self, path: Path) -> NDArray[np.float32] | UnreadableImage:
        try:
            return self.read(path)
        except UnreadableImage as error:
            return error


def find_images(paths: Sequence[Path]) -> list[Path]:
    """Image files: those that are named, and all below the folders that are; each once.

    Raises:
        DataError: nothing is at a path, or a folder holds no images.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            images = list_images(path)
            if not images:
                raise DataError(f"there are no images in {path}; give image files, or a folder with some below it")
            found |= dict.fromkeys(images)
        elif path.exists():
            found[path] = None
        else:
            raise DataError(f"there is no file or folder {path}; give image files, or a folder with some below it")
    return list(found)
