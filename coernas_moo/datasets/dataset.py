"""A data set: what is known about its images without loading them, and how to load them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coernas_moo.errors import DataError
from coernas_moo.networks.layers import Shape

Indices = Sequence[int] | npt.NDArray[np.int64] | Tensor


class Unreadable(NamedTuple):
    """An image file that cannot be used, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} ({self.reason})"


class LabelledImages(NamedTuple):
    """Float32 images (n, c, h, w) in [0, 1] and int64 labels (n,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class DatasetInfo:
    """What is known about a data set without loading it.

    Args:
        kind: the registered kind.
        source: where the images come from, for people to read.
        shape: shape of every image after loading.
        classes: names of the classes, in the order of the labels.
        counts: per split (the first one is to search and to train on), the number of images of each class,
            unreadable ones included.
        unreadable: images found broken so far; they are left out of batches and loads.
        notices: other things a user should know, one line each.
    """

    kind: str
    source: str
    shape: Shape
    classes: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: "train", then "val" and "test" where the data set has them; none for noise."""
        return tuple(self.counts)

    @property
    def images(self) -> int:
        """Number of images in all splits."""
        return sum(sum(counts) for counts in self.counts.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything a user should be told, one line each: the notices, lone images, then the unreadable ones.

        Example:
            >>> broken = (Unreadable(Path("a.jpg"), "empty file"), Unreadable(Path("b.jpg"), "empty file"))
            >>> DatasetInfo("folder", "x", Shape(1, 8, 8), ("p", "q"), unreadable=broken).warnings
            ('2 images cannot be read and are left out: a.jpg (empty file) and 1 more',)
        """
        notices = (*self.notices, *self._lone())
        if not self.unreadable:
            return notices
        count = len(self.unreadable)
        subject = "1 image cannot be read and is" if count == 1 else f"{count} images cannot be read and are"
        more = f" and {count - 1} more" if count > 1 else ""
        return (*notices, f"{subject} left out: {self.unreadable[0]}{more}")

    def _lone(self) -> tuple[str, ...]:
        """A line where a class cannot be divided; with a test split of its own the data need not be."""
        if "test" in self.counts:
            return ()
        lone = [name for name, count in zip(self.classes, self.counts.get("train", ()), strict=False) if count == 1]
        if not lone:
            return ()
        one = len(lone) == 1
        named = ", ".join(map(repr, lone[:3])) + (f" and {len(lone) - 3} more" if len(lone) > 3 else "")
        return (
            f"{'class' if one else 'classes'} {named} {'has' if one else 'have'} one image only: "
            "that is enough to search, but training needs one to learn from and one to test on",
        )


def standardise(images: Tensor) -> Tensor:
    """Zero mean and unit variance in every channel, over the whole batch: y = (x - mean_c) / std_c.

    A channel that is constant over the batch becomes zero.

    Args:
        images: (n, c, h, w).

    Example:
        >>> x = torch.tensor([0.0, 0.5, 1.0, 0.5]).reshape(2, 1, 1, 2)
        >>> standardise(x).flatten().tolist()
        [-1.4142135381698608, 0.0, 1.4142135381698608, 0.0]
    """
    centred = images - images.mean(dim=(0, 2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(0, 2, 3), keepdim=True).sqrt()
    # Below one grey level in a million, what is left of a constant channel is rounding.
    return centred * torch.where(deviation > 1e-6, deviation.reciprocal(), torch.zeros_like(deviation))


class Dataset(ABC):
    """Images with labels, in named splits; positions within a split are fixed when the data set is opened.

    A subclass supplies `info`, `names`, `labels` and `_read`. `coernas_moo.testing.datasets` checks it.
    """

    @property
    @abstractmethod
    def info(self) -> DatasetInfo:
        """What is known now; broken images met later by `verify`, `load` or `batch` appear in it."""

    @abstractmethod
    def labels(self, split: str) -> Tensor:
        """Labels of all images of a split, without loading them: int64 (n,).

        Raises:
            DataError: there is no such split.
        """

    @abstractmethod
    def names(self, split: str) -> tuple[str, ...]:
        """A name for each image of a split, such as its path within the data set; groups can be told from it.

        Raises:
            DataError: there is no such split.
        """

    @abstractmethod
    def _read(self, split: str, indices: npt.NDArray[np.int64]) -> LabelledImages:
        """The images at `indices`, without those that cannot be read, which the subclass notes in `info`."""

    def verify(self) -> tuple[Unreadable, ...]:
        """Looks for broken images more closely than opening does; returns all known so far."""
        return self.info.unreadable

    def readable(self, split: str) -> npt.NDArray[np.int64]:
        """Positions of the images of a split that are not known to be broken: after `load(split)`, the rows it gave."""
        return np.arange(len(self.names(split)), dtype=np.int64)

    def load(self, split: str, indices: Indices | None = None) -> LabelledImages:
        """Images and labels, in the order of `indices` (default: the whole split), without the unreadable ones.

        Raises:
            DataError: there is no such split, or not one of the images can be read.
            IndexError: an index is outside the split.
        """
        wanted = self.readable(split) if indices is None else np.asarray(indices, dtype=np.int64)
        loaded = self._read(split, wanted)
        if not len(loaded.images) and (indices is None or wanted.size):
            raise self._nothing_readable(split)
        return loaded

    def batch(self, n: int, seed: int) -> Tensor:
        """Random images of the first split for scoring, standardised over the batch: float32 (n, c, h, w).

        The same seed gives the same images. Without replacement while there are enough images, then repeated.

        Raises:
            DataError: not one image can be read.
        """
        split = self.info.splits[0]
        order = np.random.default_rng(seed).permutation(len(self.names(split)))
        parts: list[Tensor] = []
        found = position = 0
        while found < n and position < len(order):
            part = self._read(split, order[position : position + n - found]).images
            position += n - found
            found += len(part)
            parts.append(part)
        if not found:
            raise self._nothing_readable(split)
        images = torch.cat(parts)
        return standardise(images[torch.arange(n) % found])

    def _nothing_readable(self, split: str) -> DataError:
        first = f", for instance {self.info.unreadable[0]}" if self.info.unreadable else ""
        return DataError(f"no image of split {split!r} of {self.info.source} can be read{first}")

    def _check_split(self, split: str) -> None:
        if split not in self.info.splits:
            known = ", ".join(self.info.splits) or "none"
            raise DataError(f"{self.info.source} has no split {split!r}; its splits: {known}")
