"""Everything the package offers; importing this registers the formats, and imports torch."""

from coernas_moo.export import onnx_file, pt2_file, python_file
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
    "onnx_file",
    "pt2_file",
    "python_file",
    "register_format",
    "trained_model",
]
