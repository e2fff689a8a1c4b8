"""Uncertainty: how wide the posterior over the weights is."""

from __future__ import annotations

import torch

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "uncertainty",
    needs=("weight_gradients",),
    source="Laplace approximation: MacKay 1992; the layer-wise isotropic reading at initialisation is ours",
)
def uncertainty(trace: Trace) -> float:
    """Entropy, up to constants, of a layer-wise isotropic Laplace posterior at initialisation.

    -sum over weight tensors W of log(||dL/dW||_F + 1e-12), natural logarithm. With random labels the squared gradient
    estimates the Fisher information, the precision of the posterior: small gradients, wide posterior. A sum, not a
    mean: every weight tensor widens the space of explanations. Weights without a path to the loss are skipped.
    """
    if not trace.weight_gradients:
        return 0.0
    norms = torch._foreach_norm(trace.weight_gradients)
    return -float(torch.log(torch.stack(norms) + 1e-12).sum())
