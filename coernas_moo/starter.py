"""A first problem file for a folder or a table of images: written, commented, and ready to search."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import msgspec

from coernas_moo.datasets import CsvSettings, ImageFileSettings, guess
from coernas_moo.networks.layers import Shape

LARGEST_SIDE = 64
MOST_STAGES = 4
COLUMNS = ("id_column", "label_column")

_TEMPLATE = """\
# A problem for coernas: which images, which networks, what counts as good.
# Search it with   coernas search THIS_FILE
# Every key that is not here has a default; 'coernas schema' lists all of them.

name = {name}
description = {description}

# What a network is judged by. The front holds every network that no other one beats in all of them.
#   score       training-free estimate of accuracy (maximised)
#   latency_ms  time for one image on this machine (minimised)
#   params      trainable parameters (minimised)
#   macs        multiply-accumulate operations (minimised)
objectives = ["score", "latency_ms", "params"]

# What must hold; a network that breaks a limit is never on the front.
# limits = ["params <= 500e3", "latency_ms <= 2"]
limits = []

[data]
# Found: {found}
kind = {kind}
path = {path}
# Height and width that the images are resized to; larger shows smaller defects and makes slower networks.
size = {size}
# 1 for grey, 3 for colour.
channels = {channels}
{columns}
[space]
# Stages of convolution units, each followed by a pool that halves the resolution.
kind = "separable"
stages = {stages}
# A stage has 1 to max_depth units.
max_depth = 3
# Channels of the first stage; every further stage has twice as many.
base_width = 16

[search]
# Presets 1 to 5 set population, generations and rates; 4 is the shortest: 10 generations of 30.
preset = 4
# The same seed gives the same front.
seed = 1

[train]
# How 'coernas train' varies the images: "photo" mirrors left and right, "surface" up and down too, "digits" shifts and
# turns but mirrors nothing, "none" leaves them alone. Mirror nothing that then belongs to another class.
augment = "photo"
epochs = 60
"""


def starter_toml(images: str | Path, beside: str | Path | None = None, folder: str = "") -> str:
    """The text of a problem file for `images`: separable space, objectives score, latency and parameters.

    Images are kept at their own size up to 64 pixels on the longer side and scaled down to that otherwise; the space
    has as many stages, at most 4, as leave the last one at least two pixels a side.

    Args:
        images: a folder with one subfolder a class, or a table with a folder of images.
        beside: folder the problem file will lie in; images below it are named by a relative path, others by an
            absolute one.
        folder: of a table's images, relative to the table, where it is not one that is found.

    Raises:
        DataError: the images are missing, broken or too few.
    """
    source = Path(images).expanduser().absolute()
    settings = guess(source, folder)
    info = settings.open(Path.cwd()).info
    height, width = working_size(info.shape)
    counts = [sum(of_class) for of_class in zip(*info.counts.values(), strict=True)]
    sizes = f"{min(counts):,} to {max(counts):,} each" if min(counts) < max(counts) else f"{min(counts):,} each"
    found = f"{info.images:,} images of {info.shape} in {len(info.classes)} classes, {sizes}"
    return _TEMPLATE.format(
        name=json.dumps(problem_name(source)),
        description=json.dumps(f"Images of {source.name}", ensure_ascii=False),
        found=found,
        kind=json.dumps(settings.kind),
        path=json.dumps(_relative(Path(settings.path), beside), ensure_ascii=False),
        size=json.dumps(height if height == width else [height, width]),
        channels=info.shape.channels,
        columns=_columns(settings),
        stages=fitting_stages(min(height, width)),
    )


def problem_name(source: Path) -> str:
    """The folder's or file's name with only what a problem's name may have.

    Example:
        >>> problem_name(Path("/data/Steel plates (2024)")), problem_name(Path("/data/labels.csv"))
        ('Steel-plates-2024', 'labels')
        >>> problem_name(Path("/"))
        'images'
    """
    stem = source.stem if source.is_file() or source.suffix in {".csv", ".tsv"} else source.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-") or "images"


def working_size(shape: Shape) -> tuple[int, int]:
    """Height and width to work at: the images' own, or scaled down to 64 pixels on the longer side.

    Example:
        >>> working_size(Shape(3, 28, 28)), working_size(Shape(3, 480, 640))
        ((28, 28), (48, 64))
    """
    scale = min(1.0, LARGEST_SIDE / max(shape.height, shape.width))
    return max(1, round(shape.height * scale)), max(1, round(shape.width * scale))


def fitting_stages(side: int) -> int:
    """Stages after whose last but one pool a side still has two pixels, from 1 to 4.

    Example:
        >>> [fitting_stages(side) for side in (2, 8, 16, 32, 64, 256)]
        [1, 3, 4, 4, 4, 4]
    """
    return min(MOST_STAGES, max(1, math.floor(math.log2(max(side, 1)))))


def _relative(path: Path, beside: str | Path | None) -> str:
    folder = None if beside is None else Path(beside).absolute()
    return path.relative_to(folder).as_posix() if folder is not None and path.is_relative_to(folder) else str(path)


def _columns(settings: ImageFileSettings) -> str:
    """The keys that only a table has."""
    if not isinstance(settings, CsvSettings):
        return ""
    keys: dict[str, str] = msgspec.to_builtins(settings)
    line = {key: f"{key} = {json.dumps(keys[key], ensure_ascii=False)}" for key in ("images", *COLUMNS)}
    lines = ["# Folder of the images, relative to the table.", line["images"]] if settings.images else []
    lines += ["# Columns of the table: the image's file name, and its class.", *(line[key] for key in COLUMNS)]
    return "\n".join([*lines, ""])
