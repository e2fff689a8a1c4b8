"""Isotropy: features fill all directions alike."""

from __future__ import annotations

from coernas_moo.proxies.feature_map import mean_effective_ranks
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "isotropy",
    needs=("feature_maps", "nonlinearity_inputs"),
    source="effective rank: Roy and Vetterli 2007, definition 1; the two means and their sum are ours",
)
def isotropy(trace: Trace) -> float:
    """Effective rank of features at block outputs and at the inputs of nonlinearities.

    mean over block outputs of erank / rank limit + mean over nonlinearity inputs of the same, in [0, 2]; see
    `effective_rank_fraction`. A tensor that several nonlinearities take counts once for each. A mean over nothing, as
    in a network without nonlinearity, is 0.
    """
    return sum(mean_effective_ranks(trace.feature_maps, trace.nonlinearity_inputs))
