"""MeCo: how far from degenerate the channels of every layer are."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from coernas_moo.proxies.proxy import register_network_proxy
from coernas_moo.proxies.recorder import first_tensor

SIDE = 64
"""Height and width of the random image."""


@register_network_proxy(
    "meco",
    needs=(),
    source="Jiang et al. 2023, MeCo: zero-shot NAS via minimum eigenvalue of correlation",
    cost="one forward pass of one image of 64x64",
)
def meco(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Sum over layers of the smallest eigenvalue of the correlation of its channels, for one random image.

    sum over l of lambda_min(P(X_l)), X_l the channels x positions of a module's output, P Pearson's correlation, 0 for
    a constant channel; one standard Gaussian image of 64x64 (of the images' own size, and in evaluation mode, where the
    network takes no other): with fewer positions than channels an eigenvalue is 0. nan where a value is not finite.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    own = torch.randn(1, *images.shape[1:])
    large = torch.randn(1, images.shape[1], SIDE, SIDE) if images.ndim == 4 else own
    smallest: list[float] = []

    def measure(_module: nn.Module, _args: Any, output: Any) -> None:
        values = first_tensor(output)
        if values is not None and values.ndim > 2:
            smallest.append(_smallest_eigenvalue(values[0].detach().flatten(1)))

    with torch.no_grad(), ExitStack() as stack:
        for module in network.modules():
            stack.callback(module.register_forward_hook(measure).remove)
        try:
            network(large)
        except (RuntimeError, ValueError):
            smallest.clear()
            # Norms before the failure have counted that image already.
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])
            network.eval()
            network(own)
    return sum(smallest) if smallest else math.nan


def _smallest_eigenvalue(channels: Tensor) -> float:
    if not channels.isfinite().all():
        return math.nan
    centred = channels.double() - channels.double().mean(1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    rows = centred / torch.where(norms > 0, norms, torch.inf)
    return float(torch.linalg.eigvalsh(rows @ rows.T)[0])
