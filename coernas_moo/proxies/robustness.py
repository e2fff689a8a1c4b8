"""Robustness: the loss is not most sensitive along a few directions of feature space."""

from __future__ import annotations

import math

from coernas_moo.proxies.feature_map import mean_effective_ranks, mean_log_sphericities
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace

ENOUGH = math.log(0.7)
"""From here on a network counts as robust: the geometric mean of what goes in each direction is 70 % of the arithmetic
one. Among the leaders more robustness goes with less accuracy."""


@register_proxy(
    "robustness",
    needs=("feature_gradients",),
    source="sphericity: Mauchly 1940, equation 2; its use on loss gradients at block outputs is ours",
    saturation=ENOUGH,
)
def robustness(trace: Trace) -> float:
    """Log-sphericity of the loss gradient at block outputs.

    mean over block outputs b of the log-sphericity of dL/db; see `log_sphericity`. Where the gradient fills few
    directions, one small perturbation of the features along these moves the loss of all samples. Outputs without a path
    to the loss are skipped; a network without block outputs gets the lowest value.
    """
    return mean_log_sphericities(trace.feature_gradients)[0]


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
