"""Data sets: image folders, a table with an image folder, scikit-learn's digits, Gaussian noise.

The `[data]` table of a problem file becomes `DataSettings`; `DataSettings.open` gives a `Dataset`, which knows shape,
classes and counts without loading the images. Using any name of this package registers the kinds that ship with it.
Decoding and listing (`images`, `listing`) need no torch, and so the package imports it only with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coernas_moo.lazy import names_from

if TYPE_CHECKING:
    from coernas_moo.datasets.csv_table import CsvSettings
    from coernas_moo.datasets.dataset import Dataset, DatasetInfo, LabelledImages, Unreadable, standardise
    from coernas_moo.datasets.digits import DigitsSettings
    from coernas_moo.datasets.folder import FolderSettings
    from coernas_moo.datasets.guess import guess
    from coernas_moo.datasets.images import UnreadableImage, decode
    from coernas_moo.datasets.noise import NoiseSettings
    from coernas_moo.datasets.settings import DATASETS, DataSettings, ImageFileSettings, register_dataset

__all__ = [
    "DATASETS",
    "CsvSettings",
    "DataSettings",
    "Dataset",
    "DatasetInfo",
    "DigitsSettings",
    "FolderSettings",
    "ImageFileSettings",
    "LabelledImages",
    "NoiseSettings",
    "Unreadable",
    "UnreadableImage",
    "decode",
    "guess",
    "register_dataset",
    "standardise",
]

_MODULES = ("csv_table", "dataset", "digits", "folder", "guess", "images", "noise", "settings")

__getattr__ = names_from(__name__, _MODULES, __all__)


def __dir__() -> list[str]:
    return __all__
