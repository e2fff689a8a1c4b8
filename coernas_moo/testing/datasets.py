"""Tests that every kind of data set has to pass; subclass `DatasetConformance` in a test file and pytest runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import msgspec
import pytest
import torch

from coernas_moo.datasets.dataset import Dataset
from coernas_moo.datasets.settings import DATASETS, DataSettings
from coernas_moo.errors import DataError


class DatasetConformance(ABC):
    """Checks a registered kind of data set through its settings.

    Example:
        >>> from coernas_moo.datasets import DigitsSettings
        >>> class TestDigits(DatasetConformance):
        ...     def settings(self, folder: Path) -> DataSettings:
        ...         return DigitsSettings()
    """

    @abstractmethod
    def settings(self, folder: Path) -> DataSettings:
        """Settings of a small valid data set; its files may be written to `folder`."""

    def _open(self, folder: Path) -> Dataset:
        return self.settings(folder).open(folder)

    def test_kind_is_registered(self, tmp_path: Path) -> None:
        settings = self.settings(tmp_path)
        assert DATASETS[settings.kind] is type(settings)
        assert self._open(tmp_path).info.kind == settings.kind

    def test_settings_survive_a_problem_file(self, tmp_path: Path) -> None:
        settings = self.settings(tmp_path)
        table = {k: v for k, v in msgspec.to_builtins(settings).items() if v is not None}
        assert msgspec.convert(table, type(settings), strict=True) == settings

    def test_settings_refuse_unknown_keys(self, tmp_path: Path) -> None:
        settings = self.settings(tmp_path)
        with pytest.raises(msgspec.ValidationError, match="no_such_key"):
            msgspec.convert({"no_such_key": 1}, type(settings), strict=True)

    def test_info_agrees_with_labels_and_names(self, tmp_path: Path) -> None:
        data = self._open(tmp_path)
        info = data.info
        assert len(set(info.classes)) == len(info.classes) >= 2
        assert min(info.shape) >= 1
        for split in info.splits:
            labels = data.labels(split)
            assert labels.dtype == torch.int64
            assert tuple(labels.bincount(minlength=len(info.classes)).tolist()) == info.counts[split]
            assert len(data.names(split)) == len(set(data.names(split))) == len(labels)

    def test_load_gives_images_of_the_stated_shape(self, tmp_path: Path) -> None:
        data = self._open(tmp_path)
        for split in data.info.splits:
            images, labels = data.load(split)
            assert images.dtype == torch.float32
            assert tuple(images.shape) == (len(labels), *data.info.shape)
            assert 0 <= float(images.min()) <= float(images.max()) <= 1
            rows = torch.from_numpy(data.readable(split))
            assert torch.equal(labels, data.labels(split)[rows])

    def test_load_follows_the_indices(self, tmp_path: Path) -> None:
        data = self._open(tmp_path)
        for split in data.info.splits:
            images, labels = data.load(split)
            rows = data.readable(split)[::-1].copy()
            backwards = data.load(split, rows)
            assert torch.equal(backwards.images, images.flip(0))
            assert torch.equal(backwards.labels, labels.flip(0))
            assert data.load(split, []).images.shape == (0, *data.info.shape)

    def test_an_unknown_split_is_named(self, tmp_path: Path) -> None:
        data = self._open(tmp_path)
        for read in (data.labels, data.names, data.load):
            with pytest.raises(DataError, match="no such split"):
                read("no such split")

    def test_batches_are_standardised_and_follow_the_seed(self, tmp_path: Path) -> None:
        data = self._open(tmp_path)
        batch = data.batch(32, seed=3)
        assert batch.dtype == torch.float32
        assert tuple(batch.shape) == (32, *data.info.shape)
        assert torch.equal(batch, self._open(tmp_path).batch(32, seed=3))
        assert not torch.equal(batch, data.batch(32, seed=4))
        assert abs(float(batch.mean())) < 0.2
        assert 0.5 < float(batch.std()) < 1.5
