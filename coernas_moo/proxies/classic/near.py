"""NEAR: how many directions pre- and post-activations fill."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from coernas_moo.networks.init import NORMS, WEIGHTED
from coernas_moo.proxies.feature_map import FeatureMap
from coernas_moo.proxies.observe import NONLINEARITIES
from coernas_moo.proxies.proxy import register_network_proxy
from coernas_moo.proxies.recorder import first_tensor


@register_network_proxy(
    "near",
    needs=("images",),
    source="Husistein et al. 2025, NEAR: a training-free pre-estimator of model performance",
    cost="one forward pass, singular values of every layer's output",
)
def near(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Sum over layers of the effective rank of pre- and post-activations.

    sum over layers of exp(-sum p log p), p the singular values, normalised to sum 1, of a matrix of values,
    positions by c channels, not centred. Layers are, as for the authors' code, modules with weights (convolutions,
    linear maps, norms) and nonlinearities; of the positions of a map, c consecutive ones from the beginning of a
    randomly drawn line. A module that runs twice counts once. nan where a value is not finite.
    """
    ranks: dict[nn.Module, float] = {}

    def measure(module: nn.Module, _args: Any, output: Any) -> None:
        values = first_tensor(output)
        if module not in ranks and values is not None and values.ndim > 1:
            ranks[module] = _effective_rank(_square(values.detach()))

    with torch.no_grad(), ExitStack() as stack:
        for module in network.modules():
            if isinstance(module, (*WEIGHTED, *NORMS, *NONLINEARITIES)):
                stack.callback(module.register_forward_hook(measure).remove)
        network(images)
    return sum(ranks.values()) if ranks else math.nan


def _square(values: Tensor) -> Tensor:
    channel_axis = 2 if values.ndim == 3 else 1
    line = values.shape[-1] if values.ndim > 3 else 1
    rows = FeatureMap(values, channel_axis).rows
    channels = rows.shape[1]
    last = (len(rows) - channels) // line
    start = line * int(torch.randint(0, last + 1, ())) if last > 0 else 0
    return rows[start : start + channels]


def _effective_rank(matrix: Tensor) -> float:
    if not matrix.isfinite().all():
        return math.nan
    values = torch.linalg.svdvals(matrix.double())
    total = float(values.sum())
    if total == 0:
        return 0.0
    p = values[values > 0] / total
    return math.exp(-float((p * p.log()).sum()))
