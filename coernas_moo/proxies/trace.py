"""The trace: what one forward and one backward pass through a network left behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from coernas_moo.errors import CoernasError
from coernas_moo.proxies.feature_map import FeatureMap
from coernas_moo.proxies.intact import restore_buffer, set_modes
from coernas_moo.proxies.observe import Structure, structure_of
from coernas_moo.proxies.recorder import Recorder, Sighting, first_tensor

TracePart = Literal[
    "feature_maps", "nonlinearity_inputs", "feature_gradients", "weight_gradients", "input_gradient", "macs"
]
"""What can be recorded; a proxy names the parts it reads."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything the proxies read. Parts that were not asked for are empty.

    Args:
        loss: cross-entropy, natural logarithm, mean over the batch.
        feature_maps: one an output of a block, in the order of execution.
        nonlinearity_inputs: one a call of a nonlinearity; a tensor that two of them consume is there twice.
        feature_gradients: loss gradients at `feature_maps`, those apart from which no path leads to the loss.
        weights: conv and linear weights with a path to the loss, in module order.
        weight_gradients: loss gradients of `weights`, same shapes.
        input_gradient: loss gradient at the images, their shape; None if not asked for or without a path to the loss.
        macs: multiply-accumulate operations for one image, of conv and linear layers with a path to the loss.
    """

    loss: float
    feature_maps: tuple[FeatureMap, ...] = ()
    nonlinearity_inputs: tuple[FeatureMap, ...] = ()
    feature_gradients: tuple[FeatureMap, ...] = ()
    weights: tuple[Tensor, ...] = ()
    weight_gradients: tuple[Tensor, ...] = ()
    input_gradient: Tensor | None = None
    macs: int = 0


def trace(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    needs: Collection[TracePart],
    classes: int | None = None,
    structure: Structure | None = None,
) -> Trace:
    """Run `module` forward once and backward once, in train mode, on the cross-entropy with `labels`.

    What is looked at is found by the rules of `find_blocks`; nonlinearities count whether they are modules or, in
    modules that are neither torch's nor this package's, functions (watching those costs about 3 % of the pass, which
    is why it is not done for all). Channels are axis 1 of (n, c, h, w), the last axis of (n, c), of (n, tokens, c) and
    of what a linear layer returns, and axis 1 of (n, c, length) in networks with one-dimensional convolutions.
    Weights without a path to the loss (a dead branch) have no gradient: they and their MACs are left out. Frozen
    weights are traced like others. A reparametrised weight (`torch.nn.utils.parametrizations`) counts in the MACs only.

    The module comes back as it was: parameters, buffers, gradients, modes, hooks; so does torch's random state.
    Running statistics of batch norms are not updated on the way.

    Args:
        module: takes `images`, returns class scores (n, classes), or a tuple, list or mapping that begins with them.
        images: shape (n, ...), floating point.
        labels: shape (n,), int64, each a class.
        needs: the parts to record.
        classes: how many scores the module has to return for every image; by default more than the largest label.
        structure: of the module, where it is known.

    Raises:
        CoernasError: the module does not return one score a class for every image.
    """
    structure = structure or structure_of(module)
    wanted = frozenset(needs)
    recorder = Recorder(
        structure,
        maps=not wanted.isdisjoint(("feature_maps", "feature_gradients")),
        nonlinearities="nonlinearity_inputs" in wanted,
        macs="macs" in wanted,
    )
    images = images.detach().requires_grad_("input_gradient" in wanted)
    # A copy, since a layer may work in place, which a leaf does not allow and the caller's images are not for.
    given = images.clone()
    with _as_for_training(module, structure), torch.enable_grad():
        with recorder.watching():
            returned = first_tensor(module(given))
        scores = _checked(returned, labels, classes)
        loss = F.cross_entropy(scores, labels)
        maps = recorder.feature_maps(scores)
        weights = structure.weights if wanted & {"weight_gradients", "macs"} else ()
        observed = [s for s in maps if s.edge is not None] if "feature_gradients" in wanted else []
        edges = {id(s): s.edge for s in observed if s.edge is not None}
        targets: list[Any] = [*weights, *edges.values(), *([images] if "input_gradient" in wanted else [])]
        gradients: Sequence[Tensor | None] = [None] * len(targets)
        if targets and loss.requires_grad:
            gradients = torch.autograd.grad(loss, targets, allow_unused=True)
    of_weights = gradients[: len(weights)]
    of_maps = dict(zip(edges, gradients[len(weights) :], strict=False))
    alive = [(w, g) for w, g in zip(weights, of_weights, strict=True) if g is not None]
    macs = recorder.macs_without_weight + sum(recorder.macs_by_weight.get(id(weight), 0) for weight, _ in alive)
    feature_map = _feature_map_of_each([*maps, *recorder.nonlinearity_inputs])
    return Trace(
        loss=float(loss.detach()),
        feature_maps=tuple(feature_map[id(s)] for s in maps) if "feature_maps" in wanted else (),
        nonlinearity_inputs=tuple(feature_map[id(s)] for s in recorder.nonlinearity_inputs),
        feature_gradients=tuple(FeatureMap(g, s.channel_axis) for s in observed if (g := of_maps[id(s)]) is not None),
        weights=tuple(weight.detach() for weight, _ in alive) if "weight_gradients" in wanted else (),
        weight_gradients=tuple(gradient for _, gradient in alive) if "weight_gradients" in wanted else (),
        input_gradient=gradients[-1] if "input_gradient" in wanted else None,
        macs=macs // len(images),
    )


def _checked(returned: Tensor | None, labels: Tensor, classes: int | None) -> Tensor:
    if returned is None or returned.ndim != 2 or len(returned) != len(labels):
        got = "no tensor of real numbers" if returned is None else f"shape {tuple(returned.shape)}"
        raise CoernasError(f"a network returns class scores of shape ({len(labels)}, classes), this one {got}")
    if classes is not None and returned.shape[1] != classes:
        raise CoernasError(f"the network gives {returned.shape[1]} class scores, not the {classes} of `classes`")
    if len(labels) and int(labels.max()) >= returned.shape[1]:
        raise CoernasError(f"labels go up to {int(labels.max())}, but the network knows {returned.shape[1]} classes")
    return returned


def _feature_map_of_each(sightings: Sequence[Sighting]) -> dict[int, FeatureMap]:
    return {id(s): FeatureMap(s.values, s.channel_axis) for s in dict.fromkeys(sightings)}


@contextmanager
def _as_for_training(module: nn.Module, structure: Structure) -> Iterator[None]:
    """Train mode, gradients for all weights, no running statistics; all as before on leaving."""
    with ExitStack() as restore:
        restore.callback(torch.set_rng_state, torch.get_rng_state())
        modes = [(m, m.training) for m in structure.modules]
        if not all(training for _, training in modes):
            restore.callback(set_modes, modes)
            module.train()
        for weight in structure.weights:
            if not weight.requires_grad:
                restore.callback(weight.requires_grad_, False)
                weight.requires_grad_(True)
        # Past `Module.__setattr__`, which looks for parameters first.
        tracking = [attributes for norm in structure.norms if (attributes := vars(norm))["track_running_stats"]]
        restore.callback(_set_tracking, tracking, True)
        _set_tracking(tracking, False)
        for owner in structure.modules:
            if owner._buffers and not isinstance(owner, _NormBase):
                for name, buffer in owner._buffers.items():
                    if buffer is not None:
                        restore.callback(restore_buffer, owner, name, buffer, buffer.clone())
        yield


def _set_tracking(attributes_of_norms: Sequence[dict[str, Any]], tracking: bool) -> None:
    for attributes in attributes_of_norms:
        attributes["track_running_stats"] = tracking
