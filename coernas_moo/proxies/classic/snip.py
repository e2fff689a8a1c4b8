"""SNIP: sensitivity of the loss to the removal of single connections."""

from __future__ import annotations

import torch

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "snip",
    needs=("weight_gradients",),
    source="Lee et al. 2019, SNIP, equation 4; as a proxy Abdelfattah et al. 2021, equation 1",
)
def snip(trace: Trace) -> float:
    """Sum over all weights of |weight x loss gradient|.

    sum over w of |w dL/dw|, of convolutions and linear maps. The authors score at their weights' default
    initialisation; of its scale the value sees that of the last layer, which no norm follows.
    """
    products = zip(trace.weights, trace.weight_gradients, strict=True)
    return float(sum(torch.sum(torch.abs(w * g), dtype=torch.float64) for w, g in products))
