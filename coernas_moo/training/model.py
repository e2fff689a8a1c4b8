"""From a model directory, or a description, to the module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from coernas_moo.errors import CoernasError, ModelError
from coernas_moo.networks.known import BASELINES
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.plugins import load_plugins
from coernas_moo.spaces import SPACES
from coernas_moo.training.checkpoint import load_checkpoint, load_weights
from coernas_moo.training.spec import BEST, MODEL_FILE, ModelSpec, read_spec
from coernas_moo.training.timm_models import PREFIX, timm_module
from coernas_moo.validation import convert


@dataclass(frozen=True)
class LoadedModel:
    """A trained network.

    Args:
        module: in eval mode, on the CPU; see `ModelSpec` for its input and output.
        spec: what `model.json` says.
        plan: the network as data; None for a network from timm.
        epoch: after which the weights were taken.
    """

    module: nn.Module
    spec: ModelSpec
    plan: NetworkPlan | None
    epoch: int

    def normalise(self, images: Tensor) -> Tensor:
        """Images (n, c, h, w) in [0, 1] as the module takes them."""
        mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (self.spec.mean, self.spec.std))
        return (images - mean) / std

    def probabilities(self, images: Tensor) -> Tensor:
        """Probabilities (n, classes) of images (n, c, h, w) in [0, 1]."""
        with torch.no_grad():
            scores: Tensor = self.module(self.normalise(images))
            return scores.softmax(dim=1)


def load_model(directory: str | Path, weights: str = BEST) -> LoadedModel:
    """The model that `coernas train` left in `directory`.

    Args:
        directory: holds `model.json` and checkpoints.
        weights: the checkpoint's file name, `best.pt` or `last.pt`.

    Raises:
        ModelError: no model is there, or the checkpoint is missing, cut off, or that of another architecture.
    """
    path = Path(directory)
    spec = read_spec(path)
    content = load_checkpoint(path / weights)
    try:
        module = build_module(spec)
    except ModelError as error:
        raise ModelError(f"{path / MODEL_FILE}: {error}") from None
    load_weights(module, content["state"], path / weights)
    return LoadedModel(module.eval(), spec, plan_of(spec), int(content.get("epoch", 0)))


def plan_of(spec: ModelSpec) -> NetworkPlan | None:
    """The network as data, at full size; None for one from timm.

    Raises:
        ModelError: the description names a space, a genotype or a baseline that is not known here.
    """
    shape = Shape(spec.channels, spec.height, spec.width)
    try:
        load_plugins(spec.plugins)
        if spec.genotype is not None and spec.space is not None:
            table = {key: value for key, value in spec.space.items() if key != "kind"}
            settings = convert(table, SPACES[str(spec.space.get("kind"))], "space")
            space = settings.build(shape, len(spec.classes))
            return space.plan(space.from_text(spec.genotype))
        if spec.baseline is None:
            raise ModelError("neither a genotype with its space, nor a baseline")
        return None if spec.baseline.startswith(PREFIX) else BASELINES[spec.baseline](shape, len(spec.classes))
    except CoernasError as error:
        raise ModelError(f"model {spec.name!r}: the network cannot be built: {error}") from None


def build_module(spec: ModelSpec) -> nn.Module:
    """The network, weights not set.

    Raises:
        ModelError: as `plan_of`, or timm is missing or has no such model.
    """
    plan = plan_of(spec)
    if plan is not None:
        return plan.build()
    return timm_module(str(spec.baseline), Shape(spec.channels, spec.height, spec.width), len(spec.classes))
