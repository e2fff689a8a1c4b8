"""Regularity: the complexity of the function that the network computes."""

from __future__ import annotations

import math

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace

COUNTS = 1.5
"""How much regularity counts in a fusion: it is exact, while one initialisation tells the others with noise."""


@register_proxy(
    "regularity", needs=("macs",), source="our reading of MACs as complexity", stochastic=False, weight=COUNTS
)
def regularity(trace: Trace) -> float:
    """Logarithm of the multiply-accumulate operations for one image.

    log MACs of convolutions and linear maps with a path to the loss: dead parts do not make a function complex.
    -inf for a network that multiplies nothing.
    """
    return math.log(trace.macs) if trace.macs else -math.inf
