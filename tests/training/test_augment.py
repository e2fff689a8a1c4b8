"""Augmentation: only what is allowed changes, and by no more than is allowed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from coernas_moo.networks.layers import Shape
from coernas_moo.training import augment
from coernas_moo.training.augment import PRESETS, Variation, augmented, mixed, variation
from coernas_moo.training.data import Part, TrainingData
from coernas_moo.training.recipe import Recipe

H, W = 12, 16


def data_of(channels: int = 2) -> TrainingData:
    part = Part(torch.zeros(1, channels, H, W, dtype=torch.uint8), torch.arange(1), torch.zeros(1).long(), ("a",))
    mean, std = (0.25, 0.5, 0.75)[:channels], (0.5, 0.25, 0.2)[:channels]
    return TrainingData(part, part, part, ("x", "y"), Shape(channels, H, W), mean, std)


def pictures(count: int = 64, channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, H, W), generator=generator, dtype=torch.uint8)


def apply(change: Variation, raw: Tensor, seed: int = 0) -> Tensor:
    """Augmented images, back on the scale of 0 to 1."""
    data = data_of(raw.shape[1])
    out = augmented(raw, data, change, np.random.default_rng(seed))
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (data.mean, data.std))
    return out * std + mean


def reference_shift(image: Tensor, down: int, right: int, mirror: bool, turn: bool) -> Tensor:
    """Pixel by pixel: flip, then move, mirrored at the border with the border's pixel repeated."""

    def source(position: int, side: int) -> int:
        position = -1 - position if position < 0 else position
        return 2 * side - 1 - position if position >= side else position

    out = torch.empty_like(image)
    for row in range(H):
        for column in range(W):
            y, x = source(row + down, H), source(column + right, W)
            out[:, row, column] = image[:, H - 1 - y if turn else y, W - 1 - x if mirror else x]
    return out


def test_nothing_changes_without_variation() -> None:
    raw = pictures()
    assert torch.allclose(apply(Variation(), raw), raw / 255, atol=1e-6)


def test_every_result_is_one_of_the_allowed_moves_and_all_of_them_occur() -> None:
    raw = pictures(1)
    change = Variation(flip_horizontal=True, flip_vertical=True, shift=0.125)
    allowed = {
        (down, right, mirror, turn): reference_shift(raw[0] / 255, down, right, mirror, turn)
        for down in (-2, -1, 0, 1, 2)
        for right in (-2, -1, 0, 1, 2)
        for mirror in (False, True)
        for turn in (False, True)
    }
    seen = set()
    for image in apply(change, raw.repeat(1500, 1, 1, 1)):
        matches = [move for move, expected in allowed.items() if torch.allclose(image, expected, atol=1e-5)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == len(allowed)


@pytest.mark.parametrize("axis", ["flip_horizontal", "flip_vertical"])
def test_a_flip_mirrors_half_of_the_images_along_its_axis_only(axis: str) -> None:
    raw = pictures(400)
    out = apply(Variation(**{axis: True}), raw)
    flipped = (raw / 255).flip(3 if axis == "flip_horizontal" else 2)
    same = torch.isclose(out, raw / 255, atol=1e-5).flatten(1).all(1)
    mirrored = torch.isclose(out, flipped, atol=1e-5).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 140 < int(mirrored.sum()) < 260


def test_brightness_adds_and_contrast_scales_about_the_mean() -> None:
    raw = pictures(200)
    brighter = apply(Variation(brightness=0.1), raw) - raw / 255
    offsets = brighter.flatten(1)
    assert torch.allclose(offsets, offsets[:, :1].expand_as(offsets), atol=1e-5)
    assert float(offsets.abs().max()) <= 0.1 + 1e-5
    assert float(offsets.max()) > 0.08
    mean = torch.tensor(data_of().mean).reshape(-1, 1, 1)
    stretched = apply(Variation(contrast=0.2), raw) - mean
    factors = (stretched / (raw / 255 - mean)).flatten(1).nanmedian(dim=1).values
    assert torch.allclose(stretched, factors.reshape(-1, 1, 1, 1) * (raw / 255 - mean), atol=1e-4)
    assert 0.8 - 1e-4 <= float(factors.min()) < 0.84
    assert 1.16 < float(factors.max()) <= 1.2 + 1e-4


class Fixed:
    """Random numbers that are none: the largest of a range, and a coin's side."""

    def __init__(self, coin: float = 1.0) -> None:
        self.coin = coin

    def uniform(self, low: float, high: float, count: int) -> np.ndarray:
        return np.full(count, high)

    def random(self, count: int) -> np.ndarray:
        return np.full(count, self.coin)


@pytest.mark.parametrize("flips", [(), ("flip_horizontal",), ("flip_vertical",), ("flip_horizontal", "flip_vertical")])
def test_a_quarter_turn_is_the_rotation_of_a_square_and_a_flip_mirrors_it(flips: tuple[str, ...]) -> None:
    """The warp with its angle fixed, against torch.rot90."""
    square = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(1))
    part = Part(square, torch.arange(1), torch.zeros(1).long(), ("a",))
    data = TrainingData(part, part, part, ("x", "y"), Shape(1, 9, 9), (0.0,), (1.0,))
    change = Variation(rotate=90.0, **dict.fromkeys(flips, True))
    turned = augmented(square, data, change, Fixed(0.0))  # type: ignore[arg-type]
    expected = [square.rot90(times, (2, 3)) for times in (1, 3)]
    if len(flips) == 1:
        expected = [one.flip(3) for one in expected]
    assert any(torch.allclose(turned, one, atol=1e-4) for one in expected)


@pytest.mark.parametrize("flip", ["flip_horizontal", "flip_vertical"])
def test_a_flipped_image_that_is_turned_is_not_sheared(flip: str) -> None:
    """A disc stays a disc of the same area, whatever the angle."""
    rows, columns = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    disc = ((rows**2 + columns**2) < 100).float()[None, None]
    part = Part(disc, torch.arange(1), torch.zeros(1).long(), ("a",))
    data = TrainingData(part, part, part, ("x", "y"), Shape(1, 41, 41), (0.0,), (1.0,))
    for angle in (15.0, 30.0, 45.0):
        turned = augmented(disc, data, Variation(rotate=angle, **{flip: True}), Fixed(0.0))  # type: ignore[arg-type]
        assert float((turned - disc).abs().sum()) < 0.12 * float(disc.sum())


def test_rotation_of_an_oblong_keeps_lengths() -> None:
    """A horizontal line turned by 90 degrees is a vertical line of as many pixels."""
    picture = torch.zeros(1, 1, 21, 41)
    picture[0, 0, 10, 16:25] = 1
    part = Part(picture, torch.arange(1), torch.zeros(1).long(), ("a",))
    data = TrainingData(part, part, part, ("x", "y"), Shape(1, 21, 41), (0.0,), (1.0,))
    turned = augmented(picture, data, Variation(rotate=90.0), Fixed())[0, 0]  # type: ignore[arg-type]
    assert turned[:, 20].sum() == pytest.approx(9, abs=0.1)
    assert turned.sum() == pytest.approx(9, abs=0.1)


def test_warps_stay_within_the_range_of_the_image() -> None:
    raw = pictures(32, 3)
    out = apply(Variation(flip_horizontal=True, shift=0.2, rotate=15, scale=0.2), raw)
    assert out.shape == raw.shape
    assert float(out.min()) >= float((raw / 255).min()) - 1e-5
    assert float(out.max()) <= float((raw / 255).max()) + 1e-5


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_images_is_warped_and_the_others_keep_their_pixels(share: float) -> None:
    raw = pictures(400)
    out = apply(Variation(scale=0.4, rotate=20, warp=share), raw)
    kept = (out - raw / 255).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert float((~kept).float().mean()) == pytest.approx(share, abs=0.08)
    moved = apply(Variation(flip_horizontal=True, rotate=20, warp=0.3), raw)
    mirrored = (moved - raw.flip(3) / 255).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert float(mirrored.float().mean()) == pytest.approx(0.35, abs=0.08)


def test_erasing_blanks_one_rectangle_of_at_most_half_of_each_side() -> None:
    raw = torch.full((300, 2, H, W), 255, dtype=torch.uint8)
    data = data_of()
    out = augmented(raw, data, Variation(erase=0.5), np.random.default_rng(0))
    blank = (out == 0).all(dim=1)
    erased = blank.flatten(1).any(1)
    assert 110 < int(erased.sum()) < 190
    for mask in blank[erased]:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        for along, side in ((rows, H), (columns, W)):
            positions = along.nonzero().flatten()
            assert len(positions) == positions[-1] - positions[0] + 1 <= side / 2


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7, 8, 64])
def test_erasing_never_blanks_more_than_half_of_a_side(side: int) -> None:
    lengths = augment._stretch(side, 2000, np.random.default_rng(0)).sum(1)
    assert set(range(max(1, math.ceil(side / 4)), max(1, side // 2) + 1)) <= set(lengths.tolist())
    assert 1 <= int(lengths.min()) <= int(lengths.max()) <= max(1, side // 2)


def test_mixup_weighs_images_and_labels_alike() -> None:
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8)
    out, partners, weight = mixed(images, labels, 0.4, np.random.default_rng(3))
    assert 0 < weight < 1
    assert sorted(partners.tolist()) == list(range(8))
    for position, partner in enumerate(partners.tolist()):
        expected = weight * images[position] + (1 - weight) * images[partner]
        assert torch.allclose(out[position], expected, atol=1e-6)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_follow_the_seed(preset: str) -> None:
    change, raw = variation(Recipe(augment=preset)), pictures()  # type: ignore[arg-type]
    assert torch.equal(apply(change, raw, 5), apply(change, raw, 5))
    assert (preset == "none") == torch.equal(apply(change, raw, 5), apply(change, raw, 6))


def test_digits_are_never_mirrored() -> None:
    assert not PRESETS["digits"].flip_horizontal
    assert not PRESETS["digits"].flip_vertical


def test_float_images_are_taken_as_they_are() -> None:
    images = torch.rand(3, 2, H, W)
    assert torch.allclose(apply(Variation(), images), images, atol=1e-6)
