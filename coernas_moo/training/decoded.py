"""Every image decoded once: a tensor that batches are indexed from, so that no step waits for a decoder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coernas_moo.datasets import Dataset
from coernas_moo.errors import DataError, RunError
from coernas_moo.evaluation.workers import WorkerPool

CHUNK = 64
"""Images a worker decodes at a time."""

WORTH_WORKERS = 512
"""With fewer images than this, starting processes takes longer than decoding."""

LARGEST_IN_MEMORY = 2**30
"""Bytes of decoded images above which they lie in a file that is mapped into memory."""


@dataclass(frozen=True)
class Decoded:
    """All readable images of a data set.

    Args:
        images: (slots, c, h, w), uint8 where that loses nothing and float32 in [0, 1] otherwise.
        slots: where each readable image lies in `images`: int64 (n,).
        labels: int64 (n,).
        names: of the images.
        splits: for each image the data set's split it is in.
    """

    images: Tensor
    slots: Tensor
    labels: Tensor
    names: tuple[str, ...]
    splits: tuple[str, ...]


Item = tuple[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class _DecodeTask:
    dataset: Dataset

    def __call__(self, item: Item) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32] | None:
        """The images at these positions; None where one of them cannot be read, which the caller has to find out."""
        split, rows = item
        loaded = self.dataset._read(split, rows)
        return _compact(loaded.images.numpy()) if len(loaded.images) == len(rows) else None


def decode_all(dataset: Dataset, workers: int = 1) -> Decoded:
    """Decode every image of every split; those that cannot be read are left out, and noted in `dataset.info`.

    Args:
        dataset: opened.
        workers: processes that decode, where there are enough images to keep them busy.

    Raises:
        DataError: there are no images, or none can be read.
        RunError: there is no room for the decoded images.
    """
    info = dataset.info
    if not info.splits:
        raise DataError(f"data of kind {info.kind!r} has no images to train on; give real ones with --data")
    items: list[Item] = []
    for split in info.splits:
        rows = dataset.readable(split)
        items += [(split, rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)]
    total = sum(len(rows) for _, rows in items)
    starts = np.cumsum([0, *(len(rows) for _, rows in items)])
    store = _Store(total, tuple(info.shape))
    good = np.zeros(total, dtype=bool)
    for position, chunk in _decoded(dataset, items, workers if total >= WORTH_WORKERS else 1):
        split, rows = items[position]
        for first, images in _sound(dataset, split, rows, chunk):
            slots = slice(int(starts[position]) + first, int(starts[position]) + first + len(images))
            store.put(slots, images)
            good[slots] = True
    if not good.any():
        raise dataset._nothing_readable(info.splits[0])
    names = [name for split, rows in items for name in np.array(dataset.names(split), dtype=object)[rows]]
    labels = torch.cat([dataset.labels(split)[torch.from_numpy(rows)] for split, rows in items])
    splits = [split for split, rows in items for _ in rows]
    slots_of_good = np.flatnonzero(good)
    decoded = Decoded(
        store.images(),
        torch.from_numpy(slots_of_good),
        labels[torch.from_numpy(good)],
        tuple(names[slot] for slot in slots_of_good),
        tuple(splits[slot] for slot in slots_of_good),
    )
    _require_known(decoded, len(info.classes))
    return decoded


def _decoded(
    dataset: Dataset, items: list[Item], workers: int
) -> Iterator[tuple[int, npt.NDArray[np.uint8] | npt.NDArray[np.float32] | None]]:
    task = _DecodeTask(dataset)
    if workers == 1:
        yield from ((position, task(item)) for position, item in enumerate(items))
        return
    with WorkerPool[Item, "npt.NDArray[np.uint8] | npt.NDArray[np.float32] | None"](task, workers) as pool:
        for position, outcome in pool.run(items):
            yield position, outcome.value


def _sound(
    dataset: Dataset, split: str, rows: npt.NDArray[np.int64], chunk: npt.NDArray[np.generic] | None
) -> Iterator[tuple[int, npt.NDArray[np.generic]]]:
    """(Position of the first in the chunk, images); a chunk with a broken image is read again here, one by one."""
    if chunk is not None:
        yield 0, chunk
        return
    for position, row in enumerate(rows):
        images = dataset._read(split, np.array([row])).images
        if len(images):
            yield position, _compact(images.numpy())


def _compact(images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    levels = np.rint(images * np.float32(255))
    exact = bool((np.abs(images * np.float32(255) - levels) < 1e-3).all())
    return levels.astype(np.uint8) if exact else images


class _Store:
    """Room for all images; in memory, or in a file without a name where that would be too much."""

    def __init__(self, count: int, shape: tuple[int, ...]) -> None:
        self._shape = (count, *shape)
        self._array = self._new(np.dtype(np.uint8))

    def put(self, slots: slice, images: npt.NDArray[np.generic]) -> None:
        if images.dtype == np.float32 and self._array.dtype == np.uint8:
            before, self._array = self._array, self._new(np.dtype(np.float32))
            for start in range(0, len(before), CHUNK):
                part = slice(start, start + CHUNK)
                self._array[part] = before[part].astype(np.float32) / np.float32(255)
        if images.dtype != self._array.dtype:
            images = images.astype(np.float32) / np.float32(255)
        self._array[slots] = images

    def images(self) -> Tensor:
        return torch.from_numpy(self._array)

    def _new(self, kind: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
        size = int(np.prod(self._shape)) * kind.itemsize
        if size <= LARGEST_IN_MEMORY:
            return np.zeros(self._shape, dtype=kind)
        try:
            with tempfile.TemporaryFile(prefix="coernas-images-") as file:
                # Room is taken now: a disk that is full at the first write would end the process with SIGBUS.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, dtype=kind, mode="r+", shape=self._shape)
        except OSError as error:
            raise RunError(
                f"{tempfile.gettempdir()}: no room for {size / 2**30:.1f} GB of decoded images: {error.strerror}; "
                "set TMPDIR to a folder with room, or a smaller data.size"
            ) from None


def _require_known(decoded: Decoded, classes: int) -> None:
    outside = ((decoded.labels < 0) | (decoded.labels >= classes)).nonzero()
    if len(outside):
        position = int(outside[0])
        raise DataError(
            f"image {decoded.names[position]!r} has the label {int(decoded.labels[position])}, but the {classes} "
            f"classes have the numbers 0 to {classes - 1}; correct the data set"
        )
