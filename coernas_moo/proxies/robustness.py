"""Robustness: the loss is not most sensitive along a few directions of feature space."""

from __future__ import annotations

from coernas_moo.proxies.feature_map import mean_effective_ranks
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "robustness",
    needs=("feature_gradients",),
    source="effective rank: Roy and Vetterli 2007, definition 1; its use on loss gradients at block outputs is ours",
)
def robustness(trace: Trace) -> float:
    """Effective rank of the loss gradient at block outputs.

    mean over block outputs b of erank(dL/db) / rank limit, in [0, 1]; see `effective_rank_fraction`. Where the
    gradient fills few directions, one small perturbation of the features along these moves the loss of all samples.
    Outputs without a path to the loss are skipped; a network without block outputs gets 0.
    """
    return mean_effective_ranks(trace.feature_gradients)[0]
