"""Robustness: the loss is not most sensitive along a few directions of feature space."""

from __future__ import annotations

import math

from coernas_moo.proxies.feature_map import mean_effective_ranks, mean_log_channels, mean_log_sphericities
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace

ENOUGH = math.log(0.7)
"""From here on directions count as filled alike: the geometric mean of what goes in each is 70 % of the arithmetic one.
Among the leaders more of it goes with less accuracy."""


@register_proxy(
    "robustness",
    needs=("feature_gradients",),
    source="sphericity: Mauchly 1940, equation 2; its use on loss gradients, the cap and the channels are ours",
)
def robustness(trace: Trace) -> float:
    """How many directions the loss gradient fills at block outputs.

    min(mean over block outputs b of the log-sphericity of dL/db, log 0.7) + mean of log(channels of b); see
    `log_sphericity`, which tells how evenly directions are filled, while the channels tell how many there are. Where
    the gradient fills few, one small perturbation of the features along these moves the loss of all samples. Outputs
    without a path to the loss are skipped; a network without block outputs gets the lowest value.
    """
    (evenness,) = mean_log_sphericities(trace.feature_gradients)
    # In this order nan stays nan.
    return min(evenness, ENOUGH) + mean_log_channels(trace.feature_gradients)


@register_proxy(
    "robustness_rank",
    needs=("feature_gradients",),
    source="effective rank: Roy and Vetterli 2007, definition 1; its use on loss gradients at block outputs is ours",
)
def robustness_rank(trace: Trace) -> float:
    """Effective rank of the loss gradient at block outputs, as a fraction.

    mean over block outputs b of erank(dL/db) / rank limit, in [0, 1]; see `effective_rank_fraction`.
    """
    return mean_effective_ranks(trace.feature_gradients)[0]
