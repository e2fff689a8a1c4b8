"""Training: a network that a search found, or a well-known one, on the problem's images; then its measures.

`train` is the loop for any module, `open_training_data` decodes and divides a problem's images, `train_model` does all
that `coernas train` does, and `load_model` gives back what it left in a directory. Heavy parts are imported on first
use, so that the problem file's schema can name the recipe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coernas_moo.lazy import names_at

if TYPE_CHECKING:
    from coernas_moo.training.assess import Metrics, PartMetrics, read_metrics
    from coernas_moo.training.data import Part, TrainingData, open_training_data, prepare
    from coernas_moo.training.inference import predict
    from coernas_moo.training.loop import Trained, train
    from coernas_moo.training.model import LoadedModel, build_module, load_model, plan_of
    from coernas_moo.training.progress import Epoch, TrainingListener
    from coernas_moo.training.recipe import Recipe
    from coernas_moo.training.session import Session, spec_of_baseline, spec_of_pick, train_model, trained_models
    from coernas_moo.training.spec import ModelSpec, read_spec, write_spec

_HOMES = {
    "trained_models": "session",
    "train_model": "session",
    "spec_of_pick": "session",
    "spec_of_baseline": "session",
    "Session": "session",
    "read_metrics": "assess",
    "PartMetrics": "assess",
    "Metrics": "assess",
    "Epoch": "progress",
    "LoadedModel": "model",
    "ModelSpec": "spec",
    "Part": "data",
    "Recipe": "recipe",
    "Trained": "loop",
    "TrainingData": "data",
    "TrainingListener": "progress",
    "build_module": "model",
    "load_model": "model",
    "open_training_data": "data",
    "plan_of": "model",
    "predict": "inference",
    "prepare": "data",
    "read_spec": "spec",
    "train": "loop",
    "write_spec": "spec",
}


__getattr__ = names_at(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Epoch",
    "LoadedModel",
    "Metrics",
    "ModelSpec",
    "Part",
    "PartMetrics",
    "Recipe",
    "Session",
    "Trained",
    "TrainingData",
    "TrainingListener",
    "build_module",
    "load_model",
    "open_training_data",
    "plan_of",
    "predict",
    "prepare",
    "read_metrics",
    "read_spec",
    "spec_of_baseline",
    "spec_of_pick",
    "train",
    "train_model",
    "trained_models",
    "write_spec",
]
