"""Exponential moving average of a network's weights (Polyak & Juditsky 1992): steadier than the weights themselves."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of a network whose weights and statistics follow it: a <- d a + (1 - d) w.

    In the first steps the decay d is (1 + step) / (10 + step), where that is smaller, so that the initial weights are
    soon forgotten.

    Args:
        module: to follow.
        decay: d, from 0 (the copy is the network) to below 1.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self._decay = decay
        own, followed = self.module.state_dict(), module.state_dict()
        floats = [name for name in own if own[name].is_floating_point()]
        self._own = [own[name] for name in floats]
        self._followed = [followed[name] for name in floats]
        self._counts: list[tuple[Tensor, Tensor]] = [
            (own[name], followed[name]) for name in own if not own[name].is_floating_point()
        ]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the network after its step number `step`, from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._own, self._followed, 1 - decay)
        for own, followed in self._counts:
            own.copy_(followed)
