"""Decoding one image file of any common kind into float32 values in [0, 1]."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from coernas_moo.errors import DataError
from coernas_moo.networks.shape import Shape

_JPEG_SUFFIXES = (".jfif", ".jpe", ".jpeg", ".jpg")
_NETPBM_SUFFIXES = (".pbm", ".pgm", ".pnm", ".ppm")
IMAGE_SUFFIXES = frozenset(
    (*_JPEG_SUFFIXES, *_NETPBM_SUFFIXES, ".avif", ".bmp", ".gif", ".jp2", ".png", ".tif", ".tiff", ".webp")
)
"""What counts as an image file, in lower case; other files among the images are ignored."""

_GREY_MODES = frozenset({"1", "L", "LA", "La", "F", "I"})
_DEEP_MODES = frozenset({"F", "I"})
_ORIENTATION = 0x0112
_UPRIGHT = 1
_TRANSPOSED = frozenset({5, 6, 7, 8})

# What Pillow's decoders let through on damaged files, beside OSError for truncation.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


class UnreadableImage(DataError):
    """An image file that cannot be decoded; `str()` names the file and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be read ({self.reason})"


class Header(NamedTuple):
    """What the first bytes of an image file tell: its size as displayed, and whether it is stored in grey."""

    height: int
    width: int
    grey: bool


def is_image_name(name: str) -> bool:
    """Whether a file name has an image suffix and is not hidden.

    Example:
        >>> [is_image_name(n) for n in ("a.JPG", "Thumbs.db", "._a.jpg", "notes.txt")]
        [True, False, False, False]
    """
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The lazily opened image; every way a file can be unusable leaves as `UnreadableImage`.

    The limit against decompression bombs is Pillow's (`PIL.Image.MAX_IMAGE_PIXELS`, 89 million pixels by default).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # By name, Pillow maps uncompressed files into memory, and gets turned TIFFs wrong.
            with path.open("rb") as file, Image.open(file) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UnreadableImage(path, f"more than {limit} million pixels; make it smaller") from None
    except UnidentifiedImageError:
        reason = "not an image, whatever its name says" if path.stat().st_size else "empty file"
        raise UnreadableImage(path, reason) from None
    except _DAMAGE as error:
        system = error.strerror if isinstance(error, OSError) else None
        text = " ".join(str(system or error or type(error).__name__).split())
        raise UnreadableImage(path, text) from None


def read_header(path: Path) -> Header:
    """Size and kind of an image, from its header alone.

    Raises:
        UnreadableImage: it is no image, or its header is broken.
    """
    with _opened(path) as image:
        width, height = image.size
        # Pillow turns TIFF itself. A PNG may hold its orientation behind the pixels, where only decoding finds it.
        if image.format != "TIFF" and "exif" in image.info and _orientation(image) in _TRANSPOSED:
            width, height = height, width
        grey = _is_grey(image)
    return Header(height, width, grey)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, _UPRIGHT))
    except _DAMAGE:
        # Damaged metadata leaves the pixels usable.
        return _UPRIGHT


def _is_grey(image: Image.Image) -> bool:
    if image.mode in {"P", "PA"}:
        colours = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def decode(path: Path, shape: Shape) -> npt.NDArray[np.float32]:
    """An image as float32 (c, h, w) in [0, 1], resized to `shape` with an antialiased bilinear filter.

    The whole image is kept and stretched; its EXIF orientation is applied; of an animation the first frame is
    taken. 16 bits a channel keep their precision where the image is grey; floating point pixels must lie in [0, 1].
    Transparent pixels fade to black, so that what is not there contributes no signal. Grey becomes colour by
    repetition, colour becomes grey by ITU-R 601 luma.

    Args:
        path: the file.
        shape: 1 or 3 channels, height, width.

    Raises:
        UnreadableImage: it is no image, is damaged, too large, or of a kind without a defined range of values.
    """
    with _opened(path) as image:
        # A large JPEG is decoded at 1/2, 1/4 or 1/8; twice the target leaves enough for the filter.
        side = 2 * max(shape.height, shape.width)
        image.draft(None, (side, side))
        image.load()
        oriented = image if _orientation(image) == _UPRIGHT else ImageOps.exif_transpose(image)
        plain = _scaled_deep(oriented) if _is_deep(oriented) else _without_alpha(oriented, shape.channels)
        if plain.size != (shape.width, shape.height):
            plain = plain.resize((shape.width, shape.height), Image.Resampling.BILINEAR)
        pixels = np.asarray(plain, dtype=np.float32)
        if plain.mode != "F":
            pixels = pixels / np.float32(255)
    if pixels.ndim == 2:
        return np.repeat(pixels[None], shape.channels, axis=0)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _is_deep(image: Image.Image) -> bool:
    return image.mode in _DEEP_MODES or image.mode.startswith("I;16")


def _scaled_deep(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits as an image of mode F with values in [0, 1]."""
    values = np.asarray(image).astype(np.float32)
    if image.mode == "F":
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("floating point pixels outside [0, 1]")
        return Image.fromarray(values)
    # Mode I has 32 bits, but Pillow uses it for 16-bit files too.
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("integer pixels of more than 16 bits")
    return Image.fromarray(values / np.float32(65535))


def _without_alpha(image: Image.Image, channels: int) -> Image.Image:
    """An 8-bit image as mode L or RGB, on black where it is transparent."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        # Premultiplied colour is the image composited on black.
        premultiplied = image.convert("RGBA").convert("RGBa")
        image = Image.merge("RGB", premultiplied.split()[:3])
    if channels == 1:
        return image.convert("L")
    return image.convert("RGB")


_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"
_OTHER_STARTS = (b"GIF8", b"BM", b"RIFF", b"II", b"MM", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7")
_OTHER_BRANDS = (b"ftyp", b"jP  ")


def looks_whole(path: Path) -> bool:
    """Whether a file starts like an image and, for JPEG and PNG, has its end marker, from two short reads.

    A JPEG without the marker near its end may still be fine (something was appended to it): decoding it tells.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            end = file.read()
    except OSError:
        return False
    if start.startswith(_JPEG_START):
        return _JPEG_END in end
    if start.startswith(_PNG_START):
        return _PNG_END in end
    return start.startswith(_OTHER_STARTS) or start[4:8] in _OTHER_BRANDS
