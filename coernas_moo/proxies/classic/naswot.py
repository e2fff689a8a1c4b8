"""NASWOT: how differently a batch activates the nonlinearities."""

from __future__ import annotations

import math

import torch

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "naswot",
    needs=("nonlinearity_inputs",),
    source="Mellor et al. 2021, Neural architecture search without training, section 3",
)
def naswot(trace: Trace) -> float:
    """Log determinant of the agreement of binary activation codes within the batch.

    log |det K|, K_ij = number of units at whose nonlinearity the inputs of images i and j have the same sign, positive
    or not. -inf where two images cannot be told apart, nan without a nonlinearity.
    """
    inputs = trace.nonlinearity_inputs
    if not inputs or not all(m.values.isfinite().all() for m in inputs):
        return math.nan
    samples = len(inputs[0].values)
    agreement = torch.zeros(samples, samples, dtype=torch.float64)
    for feature_map in inputs:
        signs = (feature_map.values.flatten(1) > 0).float() * 2 - 1
        agreement += (signs.shape[1] + signs @ signs.T) / 2
    return float(torch.linalg.slogdet(agreement).logabsdet)
