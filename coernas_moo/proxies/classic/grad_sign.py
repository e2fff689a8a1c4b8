"""GradSign: whether single images pull the weights the same way."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coernas_moo.proxies.classic.passes import loss_gradients
from coernas_moo.proxies.observe import structure_of
from coernas_moo.proxies.proxy import register_network_proxy


@register_network_proxy(
    "grad_sign",
    needs=("images", "labels", "gradients"),
    source="Zhang and Jia 2022, GradSign, algorithm 1",
    cost="one forward and one backward pass an image, one by one",
)
def grad_sign(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over all weights of |sum over images of the sign of that image's loss gradient|.

    sum over w of |sum over i of sign(dL_i/dw)|, of convolutions and linear maps, each image a batch of its own. nan
    where a batch norm sees one value a channel, of which it has no statistics.
    """
    weights = structure_of(network).weights
    signs = [torch.zeros_like(weight) for weight in weights]
    for i in range(len(images)):
        try:
            gradients = loss_gradients(network, images[i : i + 1], labels[i : i + 1], weights)
        except ValueError:
            return math.nan
        for total, gradient in zip(signs, gradients, strict=True):
            total += gradient.sign()
    return float(sum(total.abs().sum(dtype=torch.float64) for total in signs))
