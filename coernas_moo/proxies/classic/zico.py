"""ZiCo: how steady the loss gradient is from batch to batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coernas_moo.proxies.classic.passes import loss_gradients
from coernas_moo.proxies.observe import structure_of
from coernas_moo.proxies.proxy import register_network_proxy

BATCHES = 2
"""Into so many batches the images are cut; the authors take two."""


@register_network_proxy(
    "zico",
    needs=("images", "labels", "gradients"),
    source="Li et al. 2023, ZiCo: zero-shot NAS via inverse coefficient of variation on gradients",
    cost="two forward and two backward passes of half the images",
)
def zico(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over layers of the log of the summed ratio of mean absolute gradient to its standard deviation.

    sum over W of log sum over w in W of E|dL/dw| / sqrt(Var(dL/dw)), expectation and population variance over two
    batches, of convolutions and linear maps; weights whose gradient does not vary, and layers of such, are left out.
    A ratio: no scale of the initialisation is seen behind a norm. -inf where no layer is left; nan where a half of the
    images is one and a batch norm sees one value a channel.
    """
    weights = structure_of(network).weights
    try:
        batches = zip(images.chunk(BATCHES), labels.chunk(BATCHES), strict=True)
        gradients = [loss_gradients(network, x, y, weights) for x, y in batches]
    except ValueError:
        return math.nan
    total, layers = 0.0, 0
    for of_layer in zip(*gradients, strict=True):
        stacked = torch.stack(of_layer).double()
        deviation = stacked.std(0, correction=0)
        varies = deviation != 0
        ratio = float((stacked.abs().mean(0)[varies] / deviation[varies]).sum())
        if ratio != 0:
            total += math.log(ratio)
            layers += 1
    return total if layers else -math.inf
