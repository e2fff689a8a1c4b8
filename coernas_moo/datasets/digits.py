"""scikit-learn's handwritten digits: real images that need no download."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coernas_moo.datasets.dataset import Dataset, DatasetInfo, LabelledImages
from coernas_moo.datasets.settings import DataSettings, register_dataset
from coernas_moo.networks.layers import Shape


@register_dataset
class DigitsSettings(DataSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind = "digits"`: 1,797 images of 1x8x8 in 10 classes (UCI Handwritten Digits, test part)."""

    kind: ClassVar[str] = "digits"
    augment: ClassVar[Literal["none", "digits", "photo", "surface"]] = "digits"

    def open(self, base: Path) -> Dataset:
        del base  # the images come with scikit-learn
        return Digits()


class Digits(Dataset):
    """The digits, in memory, as one split "train"."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        # The files hold counts of 0 to 16 dark pixels.
        self._images = torch.from_numpy((pixels / 16).astype(np.float32)).reshape(-1, 1, 8, 8)
        self._labels = torch.from_numpy(labels.astype(np.int64))
        self._info = DatasetInfo(
            kind=DigitsSettings.kind,
            source="scikit-learn's digits",
            shape=Shape(1, 8, 8),
            classes=tuple(str(digit) for digit in range(10)),
            counts={"train": tuple(self._labels.bincount().tolist())},
        )

    @property
    def info(self) -> DatasetInfo:
        return self._info

    def labels(self, split: str) -> Tensor:
        self._check_split(split)
        return self._labels

    def names(self, split: str) -> tuple[str, ...]:
        self._check_split(split)
        return tuple(str(i) for i in range(len(self._labels)))

    def _read(self, split: str, indices: npt.NDArray[np.int64]) -> LabelledImages:
        self._check_split(split)
        rows = torch.from_numpy(indices)
        return LabelledImages(self._images[rows], self._labels[rows])
