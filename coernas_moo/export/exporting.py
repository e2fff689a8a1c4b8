"""From a model to a file that has been checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from coernas_moo.errors import ExportError
from coernas_moo.export.check import Check, check
from coernas_moo.export.formats import Format, format_of
from coernas_moo.export.model import Model
from coernas_moo.files import write_atomically
from coernas_moo.training.spec import BEST, LAST, MODEL_FILE


@dataclass(frozen=True)
class Exported:
    """An export on disk.

    Args:
        path: the file that was asked for.
        files: all that were written.
        label: what it is.
        size: of all files, bytes.
        seconds: that making it took, the check left out.
        check: how it compares with the network.
    """

    path: Path
    files: tuple[Path, ...]
    label: str
    size: int
    seconds: float
    check: Check


def export_model(model: Model, path: str | Path, *, replace: bool = False) -> Exported:
    """Write a model in the format that the file's suffix says, after running what is written against the network.

    Args:
        model: what to export.
        path: a name that ends in `.onnx`, `.pt2`, `.py` or another suffix of `FORMATS`.
        replace: whether files that are there may be replaced.

    Raises:
        ExportError: no format has the suffix, packages are missing, a file is there already, or the export computes
            something else than the network.
        RunError: the file cannot be written.
    """
    path = Path(path)
    format_ = check_target(path, replace=replace)
    begin = time.perf_counter()
    artifact = format_.make(model, path.name)
    seconds = time.perf_counter() - begin
    checked = check(artifact, model)
    files = tuple(path.with_name(name) for name in artifact.files)
    for file in files:
        _require_free(file, replace)
    for file, content in zip(files, artifact.files.values(), strict=True):
        write_atomically(file, content)
    size = sum(map(len, artifact.files.values()))
    return Exported(path, files, format_.label, size, seconds, checked)


def check_target(path: Path, *, replace: bool = False) -> Format:
    """The format of a file that is to be written, if it can be; raises `ExportError` as `export_model` would."""
    format_ = format_of(path)
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}; make it first")
    _require_free(path, replace)
    return format_


def _require_free(path: Path, replace: bool) -> None:
    if path.is_dir():
        raise ExportError(f"{path}: is a folder; give the name of a file")
    if path.name in (BEST, LAST) and (path.parent / MODEL_FILE).is_file():
        raise ExportError(f"{path}: is a checkpoint of the model that was trained here; give another name or folder")
    if path.exists() and not replace:
        raise ExportError(f"{path}: exists already; give another name, or --force to replace it")
