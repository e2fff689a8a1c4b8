"""The optimiser and its learning rate; the rate is a pure function of the step, so that nothing has to be resumed."""

from __future__ import annotations

import math

import torch
from torch import nn

from coernas_moo.training.recipe import Recipe

START, END = 1 / 25, 1 / 25e4
"""Learning rates at both ends of a cycle, as shares of the highest (Smith & Topin 2018)."""


def make_optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser; weight decay acts on weights of two and more dimensions only."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov, fused=True)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of one step.

    Args:
        recipe: highest rate, schedule and warm-up.
        step: from 0.
        steps: in the whole training.

    Example:
        >>> recipe = Recipe(learning_rate=1.0, schedule="cosine", warmup=0.2)
        >>> [round(learning_rate(recipe, step, 10), 3) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.038]
    """
    rising = recipe.warmup * steps
    highest = recipe.learning_rate
    if step < rising:
        if recipe.schedule == "one-cycle":
            return highest * (START + (1 - START) * _rise(step / rising))
        return highest * min(1.0, (step + 1) / rising)
    if recipe.schedule == "constant":
        return highest
    share = (step - rising) / max(1.0, steps - rising)
    lowest = END if recipe.schedule == "one-cycle" else 0.0
    return highest * (1 - (1 - lowest) * _rise(share))


def _rise(share: float) -> float:
    """Half a cosine, from 0 to 1."""
    return (1 - math.cos(math.pi * share)) / 2
