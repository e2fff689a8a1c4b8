"""Everything the package offers; importing this registers the kinds of data sets, and imports torch."""

from coernas_moo.datasets.csv_table import CsvSettings
from coernas_moo.datasets.dataset import Dataset, DatasetInfo, LabelledImages, Unreadable, standardise
from coernas_moo.datasets.digits import DigitsSettings
from coernas_moo.datasets.folder import FolderSettings
from coernas_moo.datasets.guess import guess
from coernas_moo.datasets.images import UnreadableImage, decode
from coernas_moo.datasets.noise import NoiseSettings
from coernas_moo.datasets.settings import (
    DATASETS,
    DataSettings,
    ImageFileSettings,
    register_dataset,
)

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
