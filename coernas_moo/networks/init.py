"""The initialisation under which every network is scored and from which it is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
ATTENTION_WEIGHTS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")


def he_init(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """He normal initialisation (fan-in, gain sqrt 2) of conv, linear and attention weights; biases 0, norms 1 and 0.

    Random numbers are drawn in module order, so that equal seeds give equal weights. Other parameters are left alone.

    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    initialise(network.modules(), generator)


def initialise(modules: Iterable[nn.Module], generator: torch.Generator | None = None) -> None:
    """`he_init` of modules one by one, whatever is inside them left alone."""
    with torch.no_grad():
        for module in modules:
            if isinstance(module, WEIGHTED):
                _he_normal(module.weight, generator)
                _fill(module.bias, 0.0)
            elif isinstance(module, NORMS):
                _fill(module.weight, 1.0)
                _fill(getattr(module, "bias", None), 0.0)
            elif isinstance(module, nn.MultiheadAttention):
                for name in ATTENTION_WEIGHTS:
                    weight = getattr(module, name)
                    if weight is not None:
                        _he_normal(weight, generator)
                _fill(module.in_proj_bias, 0.0)


def _he_normal(weight: Tensor, generator: torch.Generator | None) -> None:
    weight.normal_(0.0, math.sqrt(2.0 / weight[0].numel()), generator=generator)


def _fill(parameter: Tensor | None, value: float) -> None:
    if parameter is not None:
        parameter.fill_(value)
