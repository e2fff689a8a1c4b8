"""Augmentation of whole batches at once: every image gets a change of its own, in a few vectorised steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from coernas_moo.training.data import TrainingData, unit_scale
from coernas_moo.training.recipe import AugmentName, Recipe


@dataclass(frozen=True)
class Variation:
    """How far training images may be varied; the words are those of `Recipe`."""

    flip_horizontal: bool = False
    flip_vertical: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    warp: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0


PRESETS: dict[AugmentName, Variation] = {
    "none": Variation(),
    "digits": Variation(shift=0.1, rotate=10.0, scale=0.1),
    "photo": Variation(flip_horizontal=True, shift=0.125, brightness=0.1, contrast=0.1),
    "surface": Variation(flip_horizontal=True, flip_vertical=True, shift=0.125, brightness=0.1, contrast=0.1),
}
"""`Recipe.augment` by name."""


def variation(recipe: Recipe) -> Variation:
    """The recipe's preset with the parts that it sets itself.

    Example:
        >>> variation(Recipe(augment="photo", flip_horizontal=False, brightness=0.0))
        Variation(flip_horizontal=False, flip_vertical=False, shift=0.125, rotate=0.0, scale=0.0, warp=1.0, \
brightness=0.0, contrast=0.1, erase=0.0)
    """
    preset = PRESETS[recipe.augment or "photo"]
    own: dict[str, Any] = {part.name: getattr(recipe, part.name) for part in fields(Variation)}
    return Variation(**{name: getattr(preset, name) if value is None else value for name, value in own.items()})


def augmented(raw: Tensor, data: TrainingData, change: Variation, rng: np.random.Generator) -> Tensor:
    """A batch as a network takes it in training.

    Args:
        raw: images as stored (n, c, h, w), uint8 or float32 in [0, 1].
        data: whose mean and deviation normalise.
        change: how far images may be varied.
        rng: of everything random.

    Returns:
        float32 (n, c, h, w), normalised.
    """
    if change.warp and (change.rotate or change.scale):
        images = _partly_warped(raw, change, rng)
    else:
        images = unit_scale(_moved(raw, change, rng))
    images = data.normalise(images)
    images = _relit(images, data, change, rng)
    return _erased(images, change, rng) if change.erase else images


def mixed(images: Tensor, labels: Tensor, alpha: float, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Mixup (Zhang et al. 2018): w x_i + (1 - w) x_j with one w ~ Beta(alpha, alpha) a batch.

    Args:
        images: (n, c, h, w).
        labels: (n,).
        alpha: above 0.
        rng: of the weight and the pairs.

    Returns:
        The mixed images, the labels of the partners, and w, the weight of the images' own labels.
    """
    weight = float(rng.beta(alpha, alpha))
    partner = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    return torch.lerp(images[partner], images, weight), labels[partner], weight


def _uniform(rng: np.random.Generator, count: int, most: float) -> Tensor:
    return torch.from_numpy(rng.uniform(-most, most, count).astype(np.float32))


def _coins(rng: np.random.Generator, count: int, wanted: bool) -> Tensor:
    return torch.from_numpy(rng.random(count) < (0.5 if wanted else 0.0))


def _moved(raw: Tensor, change: Variation, rng: np.random.Generator) -> Tensor:
    """Flipped and shifted by whole pixels; what enters at a border is the mirror image of what lies there."""
    count, _, height, width = raw.shape
    if not (change.flip_horizontal or change.flip_vertical or change.shift):
        return raw
    rows = _positions(height, change.shift, change.flip_vertical, count, rng).to(raw.device)
    columns = _positions(width, change.shift, change.flip_horizontal, count, rng).to(raw.device)
    # Image by image, rows and columns of all channels in one gather.
    image = torch.arange(count, device=raw.device)[:, None, None]
    return raw.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _positions(side: int, shift: float, flip: bool, count: int, rng: np.random.Generator) -> Tensor:
    """For each image which rows (or columns) to take: (n, side)."""
    most = min(round(shift * side), side - 1)
    offset = torch.from_numpy(rng.integers(-most, most, count, endpoint=True))
    positions = torch.arange(side) + offset[:, None]
    positions = torch.where(positions < 0, -1 - positions, positions)
    positions = torch.where(positions >= side, 2 * side - 1 - positions, positions)
    return torch.where(_coins(rng, count, flip)[:, None], side - 1 - positions, positions)


def _partly_warped(raw: Tensor, change: Variation, rng: np.random.Generator) -> Tensor:
    """Most images may be warped, the others keep their pixels: what is resampled is a little blurred."""
    if change.warp >= 1:
        return _warped(unit_scale(raw), change, rng)
    chosen = torch.from_numpy(rng.random(len(raw)) < change.warp).to(raw.device)
    images = unit_scale(_moved(raw, change, rng))
    if chosen.any():
        images[chosen] = _warped(unit_scale(raw[chosen]), change, rng)
    return images


def _warped(images: Tensor, change: Variation, rng: np.random.Generator) -> Tensor:
    """Flipped, shifted, rotated and scaled in one bilinear resampling, mirrored at the border."""
    count, _, height, width = images.shape
    angle = _uniform(rng, count, math.radians(change.rotate))
    size = 1 / (1 + _uniform(rng, count, change.scale))
    horizontal = torch.where(_coins(rng, count, change.flip_horizontal), -1.0, 1.0)
    vertical = torch.where(_coins(rng, count, change.flip_vertical), -1.0, 1.0)
    cosine, sine = size * angle.cos(), size * angle.sin()
    right, down = _uniform(rng, count, 2 * change.shift), _uniform(rng, count, 2 * change.shift)
    # Coordinates run from -1 to 1 on both axes, so that a rotation has to know the aspect.
    matrix = torch.stack(
        (
            torch.stack((cosine * horizontal, -sine * horizontal * height / width, right), dim=1),
            torch.stack((sine * vertical * width / height, cosine * vertical, down), dim=1),
        ),
        dim=1,
    ).to(images.device)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _relit(images: Tensor, data: TrainingData, change: Variation, rng: np.random.Generator) -> Tensor:
    """Contrast about the data's mean, then brightness, both on normalised images."""
    if not (change.brightness or change.contrast):
        return images
    count = len(images)
    factor = (1 + _uniform(rng, count, change.contrast)).reshape(-1, 1, 1, 1)
    std = torch.tensor(data.std).reshape(1, -1, 1, 1)
    offset = _uniform(rng, count, change.brightness).reshape(-1, 1, 1, 1) / std
    return torch.addcmul(offset.to(images.device), images, factor.to(images.device))


def _erased(images: Tensor, change: Variation, rng: np.random.Generator) -> Tensor:
    """A rectangle becomes the mean, as in random erasing (Zhong et al. 2020) and cutout (DeVries & Taylor 2017).

    It has at most half of each side, or one pixel.
    """
    count, _, height, width = images.shape
    chosen = torch.from_numpy(rng.random(count) < change.erase)
    rows = _stretch(height, count, rng) & chosen[:, None]
    columns = _stretch(width, count, rng)
    return images.masked_fill((rows[:, None, :, None] & columns[:, None, None, :]).to(images.device), 0.0)


def _stretch(side: int, count: int, rng: np.random.Generator) -> Tensor:
    """A random stretch of a quarter to half of the side, for each image: bool (n, side)."""
    length = torch.from_numpy(rng.uniform(0.25, 0.5, count) * side).round().clamp(min=1, max=max(1, side // 2))
    start = torch.from_numpy(rng.random(count)) * (side - length + 1)
    position = torch.arange(side)
    return (position >= start[:, None].floor()) & (position < (start.floor() + length)[:, None])
