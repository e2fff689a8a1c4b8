"""Gaussian noise in place of images: a search that needs no data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coernas_moo.datasets.dataset import Dataset, DatasetInfo, LabelledImages
from coernas_moo.datasets.settings import DataSettings, Size, height_and_width, register_dataset
from coernas_moo.errors import DataError
from coernas_moo.networks.layers import Shape


@register_dataset
class NoiseSettings(DataSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind = "noise"`: the shape of the images and the number of classes, and nothing else.

    Args:
        channels: channels of an image.
        size: height and width of an image, in pixels.
        classes: number of classes.
    """

    kind: ClassVar[str] = "noise"

    channels: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 3
    size: Size = 32
    classes: Annotated[int, msgspec.Meta(ge=2)] = 10

    def open(self, base: Path) -> Dataset:
        del base  # nothing is read
        return Noise(Shape(self.channels, *height_and_width(self.size)), self.classes)


class Noise(Dataset):
    """Standard Gaussian batches without labels: x ~ N(0, 1) in every pixel and channel; there are no splits."""

    def __init__(self, shape: Shape, classes: int) -> None:
        self._info = DatasetInfo(
            kind=NoiseSettings.kind,
            source="Gaussian noise",
            shape=shape,
            classes=tuple(str(number) for number in range(classes)),
        )

    @property
    def info(self) -> DatasetInfo:
        return self._info

    def labels(self, split: str) -> Tensor:
        raise self._no_images(split)

    def names(self, split: str) -> tuple[str, ...]:
        raise self._no_images(split)

    def _read(self, split: str, indices: npt.NDArray[np.int64]) -> LabelledImages:
        del indices
        raise self._no_images(split)

    def batch(self, n: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(n, *self._info.shape, generator=generator)

    def _no_images(self, split: str) -> DataError:
        return DataError(
            f"data of kind 'noise' has no images, so no split {split!r}; give real ones as --data or in [data]"
        )
