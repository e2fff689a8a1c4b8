"""Zen-score: how much a small change of the image changes the features, batch norm undone."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from coernas_moo.networks.init import NORMS, WEIGHTED
from coernas_moo.proxies.proxy import register_network_proxy
from coernas_moo.proxies.recorder import first_tensor

GAMMA = 0.01
"""Size of the change, in standard deviations."""


@register_network_proxy(
    "zen",
    needs=("images",),
    source="Lin et al. 2021, Zen-NAS, algorithm 1",
    cost="two forward passes",
)
def zen(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Log of the change of the last feature map under a small change of the images, plus log of all batch norm scales.

    log E ||f(x) - f(x + 0.01 e)||_1 + sum over batch norms of log sqrt(mean over channels of the batch variance),
    e standard Gaussian, f the last map with more than one position, before pooling. By definition it draws its own
    weights, standard Gaussian, biases 0, norms 1 and 0. nan without a feature map; -inf where f is constant.
    """
    _standard_gaussian(network)
    scales: list[float] = []
    with torch.no_grad():
        features = _last_map(network, images, scales)
        changed = _last_map(network, images + GAMMA * torch.randn_like(images), [])
        if features is None or changed is None:
            return math.nan
        change = float((features - changed).abs().flatten(1).sum(1).mean(dtype=torch.float64))
    values = (change, *scales)
    if not all(math.isfinite(value) for value in values):
        return math.nan
    return math.log(change) + sum(0.5 * math.log(v) for v in scales) if min(values) > 0 else -math.inf


def _standard_gaussian(network: nn.Module) -> None:
    with torch.no_grad():
        for module in network.modules():
            if not isinstance(module, (*WEIGHTED, *NORMS)):
                continue
            for name, parameter in module._parameters.items():
                if parameter is not None and name == "bias":
                    parameter.zero_()
                elif parameter is not None and isinstance(module, WEIGHTED):
                    parameter.normal_()
                elif parameter is not None:
                    parameter.fill_(1.0)


def _last_map(network: nn.Module, images: Tensor, variances: list[float]) -> Tensor | None:
    last: Tensor | None = None

    def keep_map(_module: nn.Module, _args: Any, output: Any) -> None:
        nonlocal last
        values = first_tensor(output)
        if values is not None and values.ndim > 2 and math.prod(values.shape[2:]) > 1:
            last = values

    def keep_variance(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
        values = args[0].transpose(0, 1).flatten(1)
        variances.append(float(values.var(1, correction=0).mean()))

    with ExitStack() as stack:
        for module in network.modules():
            stack.callback(module.register_forward_hook(keep_map).remove)
            if isinstance(module, _BatchNorm):
                stack.callback(module.register_forward_pre_hook(keep_variance).remove)
        network(images)
    return last
