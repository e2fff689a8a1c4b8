"""ePADS: how well activation codes tell images apart, and how much noise moves them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coernas_moo.proxies.proxy import register_network_proxy
from coernas_moo.proxies.trace import TracePart, trace

SIGMA = 0.5
"""Standard deviation of the noise on the images."""

NEEDS: tuple[TracePart, ...] = ("nonlinearity_inputs",)


@register_network_proxy(
    "epads",
    needs=("images",),
    source="Huang et al. 2025, Efficient perturbation-aware distinguishing score",
    cost="one forward pass of twice the images",
)
def epads(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Log of the sum, over nonlinearities, of code distance between images times code distance under noise.

    log sum over l of H(C_l, shuffled C_l) H(C_l, C'_l): C_l the signs, positive or not, at the inputs of nonlinearity
    l, shuffled over the batch, C'_l those of the images with Gaussian noise of standard deviation 0.5, H the Hamming
    distance. Clean and noisy images pass as one batch. -inf where nothing differs, nan without a nonlinearity.
    """
    noisy = images + SIGMA * torch.randn_like(images)
    both = torch.cat([images, noisy])
    inputs = trace(network, both, labels.repeat(2), needs=NEEDS).nonlinearity_inputs
    if not inputs or not all(m.values.isfinite().all() for m in inputs):
        return math.nan
    total = 0
    for feature_map in inputs:
        codes, moved = (feature_map.values > 0).chunk(2)
        between = (codes != codes[torch.randperm(len(codes))]).sum()
        total += int(between) * int((codes != moved).sum())
    return math.log(total) if total else -math.inf
