"""Networks as files that run elsewhere: ONNX, torch's exported programs, readable Python.

A run's pick with its weights is a `Model` (`model_of`); `export_model` writes it in the format that the file's suffix
says, and only after what was written has been run and compared with the network. A format is a function registered
under a suffix (`register_format`). `Predictor` runs an ONNX file on image files; it needs no torch, and so this package
imports it only with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coernas_moo.lazy import names_from

if TYPE_CHECKING:
    from coernas_moo.export.check import Check
    from coernas_moo.export.description import Description
    from coernas_moo.export.exporting import Exported, check_target, export_model
    from coernas_moo.export.formats import FORMATS, Answer, Artifact, Format, format_of, register_format
    from coernas_moo.export.model import Model
    from coernas_moo.export.picked import is_model_directory, model_of, trained_model
    from coernas_moo.export.predictor import Prediction, Predictor
    from coernas_moo.export.source.writer import Place, SourceWriter, layer_source

__all__ = [
    "FORMATS",
    "Answer",
    "Artifact",
    "Check",
    "Description",
    "Exported",
    "Format",
    "Model",
    "Place",
    "Prediction",
    "Predictor",
    "SourceWriter",
    "check_target",
    "export_model",
    "format_of",
    "is_model_directory",
    "layer_source",
    "model_of",
    "register_format",
    "trained_model",
]

_MODULES = (
    "check",
    "description",
    "exporting",
    "formats",
    "model",
    "onnx_file",
    "picked",
    "predictor",
    "pt2_file",
    "python_file",
    "source.writer",
)

__getattr__ = names_from(__name__, _MODULES, __all__)


def __dir__() -> list[str]:
    return __all__
