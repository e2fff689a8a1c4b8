"""Number of multiply-accumulate operations."""

from __future__ import annotations

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "flops",
    needs=("macs",),
    source="the field's baseline; e.g. White et al. 2022, A deeper look at zero-cost proxies",
    stochastic=False,
)
def flops(trace: Trace) -> float:
    """Multiply-accumulate operations for one image, which the literature calls FLOPs.

    Convolutions and linear maps with a path to the loss count.
    """
    return float(trace.macs)
