"""The decoded images: all of them, exactly, whatever is broken and however many workers there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from coernas_moo.datasets import Dataset, DigitsSettings, FolderSettings, LabelledImages, NoiseSettings
from coernas_moo.errors import DataError, RunError
from coernas_moo.training import decoded as module
from coernas_moo.training.data import prepare
from coernas_moo.training.decoded import decode_all
from coernas_moo.training.recipe import Recipe


def folder(path: Path) -> Dataset:
    return FolderSettings(path=str(path)).open(path)


def test_images_are_those_of_the_data_set(photographs: Path) -> None:
    data = folder(photographs)
    found = decode_all(data)
    expected = data.load("train")
    assert found.images.dtype == torch.uint8
    assert torch.equal(found.images[found.slots].float() / 255, expected.images)
    assert torch.equal(found.labels, expected.labels)
    assert found.names == data.names("train")
    assert found.splits == ("train",) * 40


def test_workers_change_nothing(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photographs / "dark" / "3.png").write_bytes((photographs / "dark" / "3.png").read_bytes()[:60])
    monkeypatch.setattr(module, "CHUNK", 7)
    alone = decode_all(folder(photographs), 1)
    monkeypatch.setattr(module, "WORTH_WORKERS", 1)
    together = decode_all(folder(photographs), 2)
    assert torch.equal(alone.images[alone.slots], together.images[together.slots])
    assert alone.names == together.names
    assert len(alone.names) == 39


def test_a_broken_image_is_left_out_and_told(photographs: Path) -> None:
    broken = photographs / "light" / "7.png"
    # Its header and its end are whole: only decoding finds out.
    content = broken.read_bytes()
    broken.write_bytes(content[:50] + bytes(20) + content[70:])
    data = prepare(folder(photographs), Recipe())
    assert "light/7.png" not in (*data.train.names, *data.validation.names, *data.test.names)
    assert len(data.train) + len(data.validation) + len(data.test) == 39
    assert any("1 image cannot be read" in line and "7.png" in line for line in data.warnings)


def test_images_of_more_than_8_bits_keep_their_precision(photographs: Path) -> None:
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000 + 7
    Image.fromarray(deep).save(photographs / "light" / "deep.png")
    found = decode_all(folder(photographs))
    assert found.images.dtype == torch.float32
    position = found.names.index("light/deep.png")
    assert torch.allclose(found.images[found.slots[position], 0], torch.from_numpy(deep / 65535).float())
    other = found.names.index("dark/0.png")
    pixels = np.asarray(Image.open(photographs / "dark" / "0.png"), dtype=np.float32)
    assert torch.allclose(found.images[found.slots[other], 0], torch.from_numpy(pixels / 255))


def test_more_than_fits_in_memory_lies_in_a_file(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = decode_all(folder(photographs))
    monkeypatch.setattr(module, "LARGEST_IN_MEMORY", 100)
    found = decode_all(folder(photographs))
    assert torch.equal(found.images, expected.images)


def test_no_room_for_that_file(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "LARGEST_IN_MEMORY", 100)
    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RunError, match=r"No space left on device; set TMPDIR"):
        decode_all(folder(photographs))


def test_noise_cannot_be_trained_on() -> None:
    with pytest.raises(DataError, match="'noise' has no images to train on"):
        decode_all(NoiseSettings().open(Path()))


def test_nothing_readable(photographs: Path) -> None:
    data = folder(photographs)
    for path in photographs.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="no image of split 'train'"):
        decode_all(data)


class _Wrong(Dataset):
    """Digits, one of which has a label that is none of the classes."""

    def __init__(self, label: int) -> None:
        self._digits, self._label = DigitsSettings().open(Path()), label
        self.info_ = self._digits.info

    @property
    def info(self):  # type: ignore[no-untyped-def]
        return self.info_

    def labels(self, split: str) -> Tensor:
        labels = self._digits.labels(split).clone()
        labels[5] = self._label
        return labels

    def names(self, split: str) -> tuple[str, ...]:
        return self._digits.names(split)

    def _read(self, split: str, indices: np.ndarray) -> LabelledImages:
        return LabelledImages(self._digits._read(split, indices).images, self.labels(split)[indices])


@pytest.mark.parametrize("label", [10, -1])
def test_a_label_outside_the_classes(label: int) -> None:
    with pytest.raises(DataError, match=f"image '5' has the label {label}, but the 10 classes have the numbers 0 to 9"):
        prepare(_Wrong(label), Recipe())


def test_mean_and_deviation_are_those_of_the_training_part() -> None:
    data = prepare(DigitsSettings().open(Path()), Recipe())
    images = data.train.images(torch.arange(len(data.train)))
    assert data.mean[0] == pytest.approx(float(images.double().mean()), abs=1e-5)
    assert data.std[0] == pytest.approx(float(images.double().std(unbiased=False)), abs=1e-5)
    normal = data.normalise(images)
    assert abs(float(normal.mean())) < 1e-3
    assert abs(float(normal.std()) - 1) < 1e-3


def test_fingerprint_sees_another_division() -> None:
    digits = DigitsSettings().open(Path())
    first, again, other = (prepare(digits, Recipe(split_seed=seed)).fingerprint() for seed in (0, 0, 1))
    assert first == again != other
