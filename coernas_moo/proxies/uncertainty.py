"""Uncertainty: how wide the posterior over the weights is."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from coernas_moo.proxies.feature_map import mean_log_channels
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace

_LAPLACE = "Laplace approximation: MacKay 1992; the layer-wise isotropic reading at initialisation is ours"


@register_proxy(
    "uncertainty",
    needs=("weight_gradients", "feature_maps"),
    source=f"{_LAPLACE}, and so are the channels",
)
def uncertainty(trace: Trace) -> float:
    """Width of a layer-wise isotropic Laplace posterior at initialisation, logarithm of its mean over layers.

    -log(mean over weight tensors W of ||dL/dW||_F) + twice the mean over block outputs of log(channels), natural
    logarithms. With random labels the squared gradient of a layer estimates its Fisher information, the precision of
    the posterior; one over the norm is its width, and the first term the logarithm of the harmonic mean of the widths:
    a wide posterior is one without a narrow layer. Channels are counted once because a norm sums over all pairs of
    input and output channels, which makes wide layers seem sharp, and once more as in `robustness`, whose evenness does
    not grow with their number either. Weights without a path to the loss are skipped. Where no weight changes the loss,
    no width means anything: -inf.
    """
    norms = _gradient_norms(trace)
    return 2 * mean_log_channels(trace.feature_maps) - float(np.log(norms.mean())) if norms.any() else -math.inf


@register_proxy("uncertainty_sum", needs=("weight_gradients",), source=_LAPLACE)
def uncertainty_sum(trace: Trace) -> float:
    """Entropy, up to constants, of the same posterior, summed over layers; it grows with depth.

    -sum over weight tensors W of log(||dL/dW||_F + 1e-12), natural logarithm; 0 without any.
    """
    return -float(np.log(_gradient_norms(trace) + 1e-12).sum())


@register_proxy("uncertainty_mean", needs=("weight_gradients",), source=_LAPLACE)
def uncertainty_mean(trace: Trace) -> float:
    """Entropy of the same posterior a weight, averaged over weight tensors, so that depth alone does not decide.

    -mean over weight tensors W of log(||dL/dW||_F / sqrt(size of W) + 1e-12), natural logarithm; 0 without any.
    """
    norms = _gradient_norms(trace)
    sizes = np.array([gradient.numel() for gradient in trace.weight_gradients], dtype=float)
    return -float(np.log(norms / np.sqrt(sizes) + 1e-12).mean()) if len(norms) else 0.0


def _gradient_norms(trace: Trace) -> NDArray[np.float64]:
    if not trace.weight_gradients:
        return np.empty(0)
    norms = torch._foreach_norm(trace.weight_gradients)
    return torch.stack(norms).numpy().astype(np.float64)
