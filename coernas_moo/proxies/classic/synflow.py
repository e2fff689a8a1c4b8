"""SynFlow: the flow of a constant image through the absolute weights."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from coernas_moo.networks.init import NORMS
from coernas_moo.proxies.classic.passes import class_scores
from coernas_moo.proxies.observe import structure_of
from coernas_moo.proxies.proxy import register_network_proxy


@register_network_proxy(
    "synflow",
    needs=("gradients",),
    source="Tanaka et al. 2020, Pruning neural networks without any data; Abdelfattah et al. 2021, equation 1",
    cost="one forward and one backward pass of one image, double precision",
)
def synflow(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Sum over all weights of |weight x gradient of the summed output| for an image of ones and absolute weights.

    sum over w of w dR/dw, R = sum of outputs, all parameters replaced by their absolute values, norms passed through,
    of convolutions and linear maps. Grows with every layer by a factor that the initialisation decides: about
    1.13 sqrt(fan-in) for He normal, 0.5 sqrt(fan-in) for torch's default.
    """
    network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    weights = structure_of(network).weights
    with ExitStack() as stack:
        for module in network.modules():
            if isinstance(module, NORMS):
                stack.callback(module.register_forward_hook(_pass_through).remove)
        output = class_scores(network, torch.ones(1, *images.shape[1:], dtype=torch.float64)).sum()
    if not weights or not output.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(output, weights, allow_unused=True)
    pairs = zip(weights, gradients, strict=True)
    return float(sum((w.detach() * g).abs().sum() for w, g in pairs if g is not None))


def _pass_through(_module: nn.Module, args: tuple[Any, ...], _output: Any) -> Any:
    return args[0]
