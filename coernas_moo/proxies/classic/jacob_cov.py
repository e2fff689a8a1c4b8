"""jacob_cov: how differently the network linearises around the images of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from coernas_moo.proxies.classic.passes import class_scores
from coernas_moo.proxies.proxy import register_network_proxy

K = 1e-5
"""Keeps the reciprocal of a vanishing eigenvalue finite."""


@register_network_proxy(
    "jacob_cov",
    needs=("images", "gradients"),
    source="Mellor et al. 2020, Neural architecture search without training, first version; Abdelfattah et al. 2021",
    cost="one forward and one backward pass",
)
def jacob_cov(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Minus the divergence of the eigenvalues of the input-Jacobian correlation from one.

    -sum over v of (log(v + k) + 1/(v + k)), k = 1e-5; see `jacobian_divergence`.
    """
    return -jacobian_divergence(network, images)


def jacobian_divergence(network: nn.Module, images: Tensor) -> float:
    """sum over v of (log(v + k) + 1/(v + k)); lowest, about n, where the n images are linearised independently.

    v: eigenvalues of the correlation matrix, over images, of the gradients of summed class scores at the images. inf
    where an image's gradient is constant, so that nothing correlates; nan where one is not finite.

    Args:
        images: shape (n, ...).
    """
    images = images.detach().requires_grad_(True)
    # A copy, since a layer may work in place, which a leaf does not allow.
    outputs = class_scores(network, images.clone()).sum()
    found: Sequence[Tensor | None] = torch.autograd.grad(outputs, images, allow_unused=True)
    jacobian = torch.zeros_like(images) if found[0] is None else found[0]
    rows = jacobian.flatten(1).double().numpy()
    rows = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        return math.nan
    if not norms.all():
        return math.inf
    eigenvalues = np.linalg.eigvalsh((rows / norms) @ (rows / norms).T)
    shifted = np.maximum(eigenvalues, 0.0) + K
    return float(np.sum(np.log(shifted) + 1 / shifted))
