"""Images ready to be trained on: decoded, divided, with the numbers that normalise them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset, DatasetInfo
from coernas_moo.datasets.of_problem import open_data
from coernas_moo.errors import DataError
from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.networks.layers import Shape
from coernas_moo.training.decoded import Decoded, decode_all
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.splits import divide


@dataclass(frozen=True)
class Part:
    """Some of the decoded images.

    Args:
        store: all decoded images (n, c, h, w), uint8 or float32 in [0, 1].
        rows: which of them are in this part: int64 (m,).
        labels: int64 (m,).
        names: of these images, m of them.
    """

    store: Tensor
    rows: Tensor
    labels: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def raw(self, positions: Tensor) -> Tensor:
        """Images at these positions of the part, as they are stored: (k, c, h, w)."""
        return self.store[self.rows[positions]]

    def images(self, positions: Tensor) -> Tensor:
        """The same as float32 in [0, 1]."""
        return unit_scale(self.raw(positions))


@dataclass(frozen=True)
class TrainingData:
    """The three parts, and what is known of the images.

    Args:
        train: to train on.
        validation: to choose the epoch by; may be empty.
        test: untouched until the end.
        classes: names.
        shape: of an image.
        mean, std: of each channel over the training part, on the scale of 0 to 1.
        ordinal: the classes are grades in order.
        source: where the images come from.
        warnings: what a user should know, one line each.
    """

    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]
    shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    ordinal: bool = False
    source: str = ""
    warnings: tuple[str, ...] = ()

    def normalise(self, images: Tensor) -> Tensor:
        """Images (n, c, h, w) in [0, 1] as a network takes them: (x - mean) / std, by channel."""
        mean, std = (torch.tensor(values, device=images.device).reshape(-1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std

    def fingerprint(self) -> str:
        """Changes where an image changes its part or its class."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update("\0".join(part.names).encode("utf-8", "surrogateescape"))
            digest.update(part.labels.numpy().tobytes())
        return digest.hexdigest()[:16]


def unit_scale(images: Tensor) -> Tensor:
    """Stored images as float32 in [0, 1]."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def open_training_data(
    problem: ProblemFile, recipe: Recipe | None = None, *, workers: int | None = None
) -> TrainingData:
    """The problem's images, decoded and divided.

    Args:
        problem: resolved problem.
        recipe: by default the problem's own.
        workers: processes that decode; by default one a core.

    Raises:
        DataError: there are no images, or they cannot be divided.
    """
    return open_divisions(problem, (recipe or problem.train,), workers=workers)[0]


def open_divisions(
    problem: ProblemFile, recipes: Sequence[Recipe], *, workers: int | None = None
) -> tuple[TrainingData, ...]:
    """The problem's images, decoded once and divided by each recipe; all divisions share the decoded images.

    Args:
        problem: resolved problem.
        recipes: one a division.
        workers: processes that decode; by default one a core.

    Raises:
        DataError: there are no images, or they cannot be divided.
    """
    ordinal = bool(getattr(problem.data_settings, "ordinal", False))
    dataset = open_data(problem)
    decoded = decode_all(dataset, workers or available_cores())
    return tuple(_divided(decoded, dataset.info, recipe, ordinal) for recipe in recipes)


def prepare(dataset: Dataset, recipe: Recipe, *, ordinal: bool = False, workers: int | None = None) -> TrainingData:
    """Decode a data set and divide it.

    Args:
        dataset: opened.
        recipe: how it is divided.
        ordinal: the classes are grades in order.
        workers: processes that decode; by default one a core.

    Raises:
        DataError: there are no images, or they cannot be divided.

    Example:
        >>> from pathlib import Path
        >>> from coernas_moo.datasets import DigitsSettings
        >>> data = prepare(DigitsSettings().open(Path()), Recipe())
        >>> len(data.train), len(data.validation), len(data.test)
        (1259, 179, 359)
    """
    decoded = decode_all(dataset, workers or available_cores())
    return _divided(decoded, dataset.info, recipe, ordinal)


def _divided(decoded: Decoded, info: DatasetInfo, recipe: Recipe, ordinal: bool) -> TrainingData:
    try:
        division = divide(decoded.labels.numpy(), decoded.names, decoded.splits, info.classes, recipe)
    except DataError as error:
        # A class may lack images because they cannot be read.
        broken = f" ({info.warnings[-1]})" if info.unreadable else ""
        raise DataError(f"{info.source}: {error}{broken}") from None
    train = _part(decoded, division.train)
    if len(train) < 2:
        raise DataError(f"{info.source} has one image to train on; add images")
    mean, std = _statistics(train)
    return TrainingData(
        train=train,
        validation=_part(decoded, division.validation),
        test=_part(decoded, division.test),
        classes=info.classes,
        shape=info.shape,
        mean=mean,
        std=std,
        ordinal=ordinal,
        source=info.source,
        warnings=(*info.warnings, *division.notices),
    )


def _part(decoded: Decoded, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Part:
    chosen = torch.from_numpy(rows)
    return Part(
        decoded.images, decoded.slots[chosen], decoded.labels[chosen], tuple(decoded.names[row] for row in rows)
    )


def _statistics(part: Part) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, a few images at a time."""
    channels = part.store.shape[1]
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    for positions in torch.split(torch.arange(len(part)), 256):
        images = part.images(positions).double()
        total += images.sum(dim=(0, 2, 3)).numpy()
        squares += images.square().sum(dim=(0, 2, 3)).numpy()
        count += images.numel() // channels
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    # Below one grey level in a million, what is left of a constant channel is rounding.
    deviation[deviation < 1e-6] = 1.0
    return tuple(round(float(value), 6) for value in mean), tuple(round(float(value), 6) for value in deviation)
