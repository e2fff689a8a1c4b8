"""The initialisation under which every network is scored and from which it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
ATTENTION_WEIGHTS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")


def he_init(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """He normal initialisation (fan-in, gain sqrt 2) of conv, linear and attention weights; biases 0, norms 1 and 0.

    Random numbers are drawn in module order, so that equal seeds give equal weights. Torch's other layers (embeddings,
    recurrent ones, ...) get their own initialisation. Parameters of other modules are left alone, and so are weights
    behind a parametrisation that cannot be set.

    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    initialise(network.modules(), generator)


def initialise(modules: Iterable[nn.Module], generator: torch.Generator | None = None) -> None:
    """`he_init` of modules one by one, whatever is inside them left alone."""
    with torch.no_grad():
        for module in modules:
            if isinstance(module, WEIGHTED):
                if is_parametrized(module, "weight"):
                    _set_parametrized(module, generator)
                else:
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
            elif type(module).__module__.startswith("torch.nn.modules.") and hasattr(module, "reset_parameters"):
                _reset(module, generator)


def _reset(module: nn.Module, generator: torch.Generator | None) -> None:
    """Torch's own initialisation, which draws from the default generator."""
    reset: Callable[[], None] = module.reset_parameters  # type: ignore[assignment]
    if generator is None:
        reset()
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        reset()


def _set_parametrized(module: nn.Module, generator: torch.Generator | None) -> None:
    """He normal values behind a parametrised weight; buffers of the parametrisation stay as they are."""
    parametrizations: Any = module.parametrizations
    kept = [(buffer, buffer.clone()) for buffer in parametrizations.buffers()]
    values = torch.empty_like(parametrizations.weight())
    _he_normal(values, generator)
    with suppress(NotImplementedError, RuntimeError):
        module.weight = values
    for buffer, before in kept:
        buffer.copy_(before)


def _he_normal(weight: Tensor, generator: torch.Generator | None) -> None:
    weight.normal_(0.0, math.sqrt(2.0 / weight[0].numel()), generator=generator)


def _fill(parameter: Tensor | None, value: float) -> None:
    if parameter is not None:
        parameter.fill_(value)
