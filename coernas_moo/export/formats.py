"""The kinds of files a model can become, by suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coernas_moo.errors import ExportError
from coernas_moo.export.model import Model
from coernas_moo.registry import Registry

Batch = NDArray[np.float32]


class Answer(NamedTuple):
    """Logits and probabilities of a batch, both float32 (n, classes)."""

    logits: Batch
    probabilities: Batch


@dataclass(frozen=True)
class Artifact:
    """An export that is not on disk yet.

    Args:
        files: names, in the folder of the export, to contents; the file that was asked for is the last one.
        run: what these files compute, read back: normalised images float32 (n, c, h, w), any n, to logits and
            probabilities, on one thread.
    """

    files: Mapping[str, bytes]
    run: Callable[[Batch], Answer]


@dataclass(frozen=True)
class Format:
    """An entry of `FORMATS`.

    Args:
        suffix: of its files (`.onnx`).
        label: what it is, for people.
        make: (model, file name) -> the files and what they compute.
    """

    suffix: str
    label: str
    make: Callable[[Model, str], Artifact]


FORMATS: Registry[Format] = Registry("export format", group="coernas_moo.exports")
"""Formats by suffix; `coernas_moo.export` registers those that ship with it."""


def register_format(suffix: str, label: str) -> Callable[[Callable[[Model, str], Artifact]], Format]:
    """Decorator: registers a function from a model and a file name to an artifact."""

    def add(make: Callable[[Model, str], Artifact]) -> Format:
        return FORMATS.add(suffix, Format(suffix, label, make))

    return add


def format_of(path: Path) -> Format:
    """The format that a file's suffix says.

    Raises:
        ExportError: none has that suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        said = f"nothing is exported to {suffix!r}" if suffix else "it has no suffix, which says the format"
        raise ExportError(f"{path}: {said}; use one of {', '.join(FORMATS)}")
    return FORMATS[suffix]
