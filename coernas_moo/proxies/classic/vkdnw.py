"""VKDNW: how evenly the Fisher information is spread over the weights."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from coernas_moo.proxies.classic.passes import class_scores
from coernas_moo.proxies.proxy import register_network_proxy
from coernas_moo.proxies.recorder import first_tensor

TENSORS = 128
"""At most so many parameter tensors, from the input on, lend an entry to the Fisher matrix."""

SMOOTHING = 0.05
"""Weight of the uniform distribution mixed into the predicted one."""


@register_network_proxy(
    "vkdnw",
    needs=("images", "gradients"),
    source="Tybl and Neumann 2025, VKDNW, equations 8 to 12 (the single score)",
    cost="one forward-mode pass a parameter tensor, at most 128",
)
def vkdnw(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Number of parameter tensors plus entropy of the deciles of the Fisher information's eigenvalues.

    N + (-sum over k = 1..9 of q_k log q_k), q_k the k-th decile of the eigenvalues, normalised to sum 1, of
    F = mean over images of J^T (diag(p) - p p^T) J: J the derivatives of the class scores for the first entry of every
    parameter tensor, p the predicted distribution, mixed with 5 % of the uniform one; N the number of those tensors,
    without limit. In eval mode, so that images do not mix. The entropy is at most log 9: N decides first.
    """
    network.eval()
    names = [name for name, _ in islice(network.named_parameters(), TENSORS)]
    if not names:
        return math.nan
    with torch.no_grad():
        scores = class_scores(network, images)
        jacobian = torch.stack([_derivative(network, name, images) for name in names], dim=-1).double()
    p = torch.softmax(scores.double(), dim=1) * (1 - SMOOTHING) + SMOOTHING / scores.shape[1]
    expected = torch.einsum("nc,ncl->nl", p, jacobian)
    deviations = (p.sqrt()[:, :, None] * (jacobian - expected[:, None])).flatten(0, 1)
    fisher = (deviations.T @ deviations / len(images)).numpy()
    if not np.isfinite(fisher).all():
        return math.nan
    deciles = np.quantile(np.maximum(np.linalg.eigvalsh(fisher), 0), np.arange(1, 10) / 10)
    q = deciles / (deciles.sum() + 1e-10)
    return float(len(list(network.parameters())) - np.sum(q * np.log(q + 1e-10)))


def _derivative(network: nn.Module, name: str, images: Tensor) -> Tensor:
    """Derivatives of the class scores, shape (n, classes), for the first entry of a parameter."""
    parameter = network.get_parameter(name).detach()
    direction = torch.zeros_like(parameter)
    direction.view(-1)[0] = 1.0

    def scores(value: Tensor) -> Tensor:
        found = first_tensor(functional_call(network, {name: value}, (images,)))
        assert found is not None
        return found

    derivative: Tensor = jvp(scores, (parameter,), (direction,))[1]
    return derivative
