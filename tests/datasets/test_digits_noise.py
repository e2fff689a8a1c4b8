"""The data sets that need no files."""

import sys
from pathlib import Path
from subprocess import run

import msgspec
import pytest
import torch

from coernas_moo.datasets import DATASETS, DigitsSettings, NoiseSettings
from coernas_moo.errors import DataError
from coernas_moo.testing.datasets import DatasetConformance


class TestDigits(DatasetConformance):
    def settings(self, folder: Path) -> DigitsSettings:
        return DigitsSettings()


class TestNoise(DatasetConformance):
    def settings(self, folder: Path) -> NoiseSettings:
        return NoiseSettings(channels=5, size=(9, 7), classes=4)


def test_all_kinds_are_registered() -> None:
    assert {"digits", "folder", "csv", "noise"} <= set(DATASETS)


def test_digits_are_those_of_scikit_learn() -> None:
    data = DigitsSettings().open(Path())
    assert data.info.shape == (1, 8, 8)
    assert data.info.images == 1797
    images, labels = data.load("train", [0, 1, 2])
    assert labels.tolist() == [0, 1, 2]
    assert float(images.max()) == 1
    assert images[0, 0, 0].mul(16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert data.verify() == ()


def test_sklearn_is_imported_only_where_digits_are_opened() -> None:
    code = "import coernas_moo.datasets, sys; sys.exit('sklearn' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_noise_is_standard_gaussian() -> None:
    data = NoiseSettings(channels=2, size=64, classes=1000).open(Path())
    batch = data.batch(32, seed=0)
    assert abs(float(batch.mean())) < 0.01
    assert abs(float(batch.std()) - 1) < 0.01
    assert abs(float((batch**4).mean()) - 3) < 0.1
    assert len(data.info.classes) == 1000
    assert data.info.images == 0


def test_noise_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    NoiseSettings().open(Path()).batch(2, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("settings", [DigitsSettings(), NoiseSettings()])
def test_kinds_without_files_refuse_a_path(settings: DigitsSettings | NoiseSettings) -> None:
    assert not settings.needs_path
    with pytest.raises(DataError, match=f"'{settings.kind}' reads no images.*'/some/where'"):
        settings.with_path("/some/where")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"size": 0}, "size"),
        ({"size": [8]}, "size"),
        ({"size": [8, 8, 8]}, "size"),
        ({"size": [8, 0]}, "size"),
        ({"size": 8.5}, "size"),
        ({"classes": 1}, "classes"),
        ({"channels": 0}, "channels"),
        ({"channels": "3"}, "channels"),
    ],
)
def test_impossible_values_name_the_key(table: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(table, NoiseSettings, strict=True)


def test_size_in_a_problem_file_is_a_number_or_two() -> None:
    assert msgspec.convert({"size": 24}, NoiseSettings).open(Path()).info.shape == (3, 24, 24)
    assert msgspec.convert({"size": [24, 48]}, NoiseSettings).open(Path()).info.shape == (3, 24, 48)
