"""An ONNX file in onnxruntime, with the description it carries. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coernas_moo.errors import ExportError
from coernas_moo.export.description import Description
from coernas_moo.export.extra import require

INPUT, LOGITS, PROBABILITIES = "images", "logits", "probabilities"
"""Names of the input and the outputs of an exported graph."""

_NOTHING_BELOW_FATAL = 4
_WANTED = "an ONNX file that 'coernas export' wrote"


class Session:
    """An exported ONNX file, ready to run.

    Args:
        content: of the file.
        where: what error messages call it.
        threads: of one operator; 0 lets onnxruntime choose.

    Raises:
        ExportError: onnxruntime is missing, the file is no ONNX model, or is not one of `coernas export`.
    """

    def __init__(self, content: bytes, where: str, threads: int = 0) -> None:
        onnxruntime = require("onnxruntime", "to run ONNX files")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # What goes wrong is raised; a log of it on stderr says the same in ten lines.
        options.log_severity_level = _NOTHING_BELOW_FATAL
        try:
            self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no common class but this
            reason = "not an ONNX model" if _no_protobuf(error) else f"onnxruntime cannot load it: {_first_line(error)}"
            raise ExportError(f"{where}: {reason}; give {_WANTED}") from None
        self.description = Description.from_metadata(self._session.get_modelmeta().custom_metadata_map, where)
        self._check(where)

    @classmethod
    def open(cls, path: Path, threads: int = 0) -> Session:
        """The session of a file; raises `ExportError` also where it cannot be read."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ExportError(
                f"{path}: cannot be read: {error.strerror}; give a file that 'coernas export' wrote"
            ) from None
        return cls(content, str(path), threads)

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and probabilities (n, classes) of normalised images (n, c, h, w)."""
        logits, probabilities = self._session.run([LOGITS, PROBABILITIES], {INPUT: images})
        return logits, probabilities

    def _check(self, where: str) -> None:
        """The graph is what the description says; raises `ExportError`."""
        description = self.description
        inputs = {each.name: tuple(each.shape[1:]) for each in self._session.get_inputs()}
        outputs = {each.name: each.shape[-1] for each in self._session.get_outputs()}
        classes = len(description.classes)
        if inputs != {INPUT: tuple(description.shape)} or outputs != {LOGITS: classes, PROBABILITIES: classes}:
            raise ExportError(
                f"{where}: its graph is not what its description says ({description.shape} images, {classes} classes); "
                f"export it again"
            )


def _no_protobuf(error: Exception) -> bool:
    return type(error).__name__ in {"InvalidProtobuf", "InvalidArgument"} or "protobuf" in str(error).lower()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
