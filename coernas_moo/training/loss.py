"""The loss: cross-entropy with smoothed labels, class weights and mixed images."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from coernas_moo.training.recipe import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]
"""(scores (n, classes), labels (n,)) -> the mean loss of a batch."""


def class_weights(labels: Tensor, classes: int, kind: str) -> Tensor | None:
    """Weights (classes,) by frequency f: none, 1 / f (`balanced`) or 1 / sqrt f (`sqrt`); their mean over images is 1.

    Example:
        >>> class_weights(torch.tensor([0, 0, 0, 1]), 2, "balanced").tolist()
        [0.6666666865348816, 2.0]
    """
    if kind == "none":
        return None
    counts = torch.bincount(labels, minlength=classes).float()
    # A class without images has the weight of one with a single one: it is not asked for.
    frequency = counts.clamp(min=1)
    weights = frequency.reciprocal() if kind == "balanced" else frequency.rsqrt()
    return weights * (counts.sum() / (weights * counts).sum())


def make_loss(recipe: Recipe, labels: Tensor, classes: int, device: torch.device) -> Loss:
    """The recipe's loss for a training part with these labels."""
    weights = class_weights(labels, classes, recipe.class_weights)
    on_device = None if weights is None else weights.to(device)

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores, targets, weight=on_device, label_smoothing=recipe.label_smoothing)

    return loss
