"""Decoding of single images: every mode and size, precision, orientation, transparency, damage."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from coernas_moo.datasets.images import (
    UnreadableImage,
    decode,
    is_image_name,
    looks_whole,
    read_header,
)
from coernas_moo.networks.layers import Shape

FORMATS = {
    "1": "png",
    "L": "png",
    "LA": "png",
    "P": "gif",
    "PA": "png",
    "RGB": "webp",
    "RGBA": "png",
    "CMYK": "jpg",
    "YCbCr": "jpg",
    "I;16": "png",
    "I": "tiff",
    "F": "tiff",
}
GREY = {"1", "L", "LA", "I;16", "I", "F"}


def noise_image(mode: str, width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    if mode in ("I;16", "I"):
        dtype = np.uint16 if mode == "I;16" else np.int32
        return Image.fromarray(rng.integers(0, 65536, (height, width)).astype(dtype))
    if mode == "F":
        return Image.fromarray(rng.random((height, width), dtype=np.float32))
    rgba = Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8))
    if mode in ("LA", "RGBA"):
        return rgba.convert(mode)
    if mode == "PA":
        image = rgba.convert("RGB").convert("P")
        image.info["transparency"] = 0
        return image
    return rgba.convert("RGB").convert(mode)


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mode=st.sampled_from(sorted(FORMATS)),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_every_mode_and_size_decodes(
    tmp_path: Path, mode: str, width: int, height: int, channels: int, size: tuple[int, int]
) -> None:
    image = noise_image(mode, width, height)
    path = save(image, tmp_path / f"image.{FORMATS[mode]}")
    header = read_header(path)
    assert (header.height, header.width) == (height, width)
    if mode not in ("P", "PA"):
        assert header.grey == (mode in GREY)
    pixels = decode(path, Shape(channels, *size))
    assert pixels.shape == (channels, *size)
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    if mode in GREY:
        assert (pixels == pixels[:1]).all()


def test_8_bit_colours_are_exact_without_resizing(tmp_path: Path) -> None:
    image = noise_image("RGB", 9, 7)
    pixels = decode(save(image, tmp_path / "a.png"), Shape(3, 7, 9))
    np.testing.assert_allclose(pixels, np.asarray(image).transpose(2, 0, 1) / 255, atol=1e-7)


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_16_bits_keep_their_precision(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 1, 257], [40000, 40001, 65535]], dtype=np.uint16)
    path = save(Image.fromarray(values), tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(decode(path, Shape(1, 2, 3))[0], values / 65535, atol=1e-7)


def test_16_bits_are_resized_without_clipping(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.full((20, 20), 30000, dtype=np.uint16)), tmp_path / "a.png")
    np.testing.assert_allclose(decode(path, Shape(3, 8, 8)), 30000 / 65535, atol=1e-6)


@pytest.mark.parametrize("value", [-1.0, 1.5, 200.0, float("nan")])
def test_floats_without_a_known_range_are_refused(tmp_path: Path, value: float) -> None:
    path = save(Image.fromarray(np.array([[0.5, value]], dtype=np.float32)), tmp_path / "a.tiff")
    with pytest.raises(UnreadableImage, match=r"a\.tiff.*outside \[0, 1\]"):
        decode(path, Shape(1, 1, 2))


def test_32_bit_integers_are_refused(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.array([[0, 70000]], dtype=np.int32)), tmp_path / "a.tiff")
    with pytest.raises(UnreadableImage, match="more than 16 bits"):
        decode(path, Shape(1, 1, 2))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_fade_to_black(tmp_path: Path, mode: str) -> None:
    white = (255,) * (len(mode) - 1)
    image = Image.new(mode, (3, 1))
    for x, alpha in enumerate((0, 51, 255)):
        image.putpixel((x, 0), (*white, alpha))
    pixels = decode(save(image, tmp_path / "a.png"), Shape(3, 1, 3))
    np.testing.assert_allclose(pixels, np.broadcast_to([0, 0.2, 1], (3, 1, 3)), atol=1e-6)


def test_transparent_palette_entries_are_black(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 10, 10, 200, 10])
    image.putpixel((1, 0), 1)
    pixels = decode(save(image, tmp_path / "a.png", transparency=0), Shape(3, 1, 2))
    np.testing.assert_allclose(pixels[:, 0, 0], 0)
    np.testing.assert_allclose(pixels[:, 0, 1], np.array([10, 200, 10]) / 255, atol=1e-6)


def test_a_grey_palette_counts_as_grey(tmp_path: Path) -> None:
    grey = noise_image("L", 5, 5)
    assert read_header(save(grey, tmp_path / "grey.gif")).grey
    colour = Image.new("P", (2, 2))
    colour.putpalette([200, 10, 10, 10, 200, 10])
    assert not read_header(save(colour, tmp_path / "colour.png")).grey


@pytest.mark.parametrize(("orientation", "expected"), [(1, [[0, 1]]), (3, [[1, 0]]), (6, [[0], [1]]), (8, [[1], [0]])])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, expected: list[list[int]], suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    path = save(image, tmp_path / f"a.{suffix}", exif=exif)
    want = np.array(expected)
    assert read_header(path)[:2] == want.shape
    np.testing.assert_allclose(decode(path, Shape(1, *want.shape))[0], want)


def test_orientation_of_a_large_jpeg_survives_reduced_decoding(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (800, 400))
    image.paste(255, (400, 0, 800, 400))
    path = save(image, tmp_path / "a.jpg", exif=exif)
    assert read_header(path)[:2] == (800, 400)
    pixels = decode(path, Shape(1, 20, 10))[0]
    assert pixels[:9].max() < 0.1
    assert pixels[11:].min() > 0.9


@pytest.mark.parametrize(("kind", "value"), [(2, b"lef\0"), (4, b"\x63\0\0\0")], ids=["text", "out of range"])
def test_a_senseless_orientation_leaves_the_pixels_usable(tmp_path: Path, kind: int, value: bytes) -> None:
    directory = struct.pack("<IHHHI4sI", 8, 1, 0x0112, kind, 4 if kind == 2 else 1, value, 0)
    path = save(noise_image("L", 6, 4), tmp_path / "a.jpg", exif=b"Exif\0\0II*\0" + directory)
    assert read_header(path)[:2] == (4, 6)
    assert decode(path, Shape(1, 4, 6)).max() > 0


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), 255), Image.new("L", (4, 4), 0)]
    path = save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert decode(path, Shape(1, 4, 4)).min() == 1


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tiff", "webp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = save(noise_image("RGB", 64, 64), tmp_path / f"cut.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match=rf"cut\.{suffix} cannot be read \(.+\)") as caught:
        decode(path, Shape(3, 64, 64))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty file"), (b"hello", "not an image"), (b"\0" * 999, "not an image")]
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_header, lambda p: decode(p, Shape(1, 8, 8))):
        with pytest.raises(UnreadableImage, match=reason):
            read(path)
    assert not looks_whole(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="No such file"):
        decode(tmp_path / "gone.png", Shape(1, 8, 8))
    assert not looks_whole(tmp_path / "gone.png")


@pytest.mark.parametrize("side", [10_000, 100_000])
def test_a_decompression_bomb_is_refused_unopened(tmp_path: Path, side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    for read in (read_header, lambda p: decode(p, Shape(1, 8, 8))):
        with pytest.raises(UnreadableImage, match="more than 89 million pixels"):
            read(path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(["jpg", "png", "gif", "bmp", "tiff", "webp", "ppm"]),
    position=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=12),
)
def test_damage_anywhere_gives_an_image_or_a_named_file(
    tmp_path: Path, suffix: str, position: float, junk: bytes
) -> None:
    buffer = io.BytesIO()
    noise_image("RGB", 24, 16).save(buffer, {"jpg": "jpeg"}.get(suffix, suffix))
    data = bytearray(buffer.getvalue())
    start = int(position * (len(data) - len(junk)))
    data[start : start + len(junk)] = junk
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    try:
        pixels = decode(path, Shape(3, 8, 8))
    except UnreadableImage as error:
        named = str(error)
        pixels = None
    if pixels is None:
        assert str(path) in named
    else:
        assert pixels.shape == (3, 8, 8)
        assert ((pixels >= 0) & (pixels <= 1)).all()


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_looks_whole_sees_a_missing_end(tmp_path: Path, suffix: str) -> None:
    path = save(noise_image("RGB", 32, 32), tmp_path / f"a.{suffix}")
    assert looks_whole(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert not looks_whole(path)


@pytest.mark.parametrize("suffix", ["gif", "bmp", "tiff", "webp", "ppm", "avif"])
def test_looks_whole_knows_other_kinds(tmp_path: Path, suffix: str) -> None:
    try:
        path = save(noise_image("RGB", 32, 32), tmp_path / f"a.{suffix}")
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {suffix}")
    assert looks_whole(path)


def test_image_names() -> None:
    assert is_image_name("ü.PNG")
    assert not any(map(is_image_name, ("Thumbs.db", ".DS_Store", "._a.png", "a.txt", "png")))
