"""Isotropy: features fill many directions, all alike."""

from __future__ import annotations

from coernas_moo.proxies.feature_map import mean_effective_ranks, mean_log_channels, mean_log_sphericities
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "isotropy",
    needs=("feature_maps", "nonlinearity_inputs"),
    source="sphericity: Mauchly 1940, equation 2; its use on feature maps, the means, channels and sum are ours",
)
def isotropy(trace: Trace) -> float:
    """How many directions features fill at block outputs, and at the inputs of nonlinearities.

    mean over block outputs of the log-sphericity + mean over nonlinearity inputs of the same + twice the mean over
    block outputs of log(channels); see `log_sphericity`. Every direction counts alike, weak ones too: those are what
    gets lost on the way through a network. Without the channels a narrow network would pass for better than a wide
    one, as few directions are easily filled; those of block outputs stand for both terms, since what a block widens
    inside is not handed on. A mean over nothing, as in a network without nonlinearity, is the lowest value.
    """
    evenness = mean_log_sphericities(trace.feature_maps, trace.nonlinearity_inputs)
    return sum(evenness) + 2 * mean_log_channels(trace.feature_maps)


@register_proxy(
    "isotropy_rank",
    needs=("feature_maps", "nonlinearity_inputs"),
    source="effective rank: Roy and Vetterli 2007, definition 1; the two means and their sum are ours",
)
def isotropy_rank(trace: Trace) -> float:
    """Effective rank of features, as a fraction, at block outputs plus at the inputs of nonlinearities.

    mean over block outputs of erank / rank limit + mean over nonlinearity inputs of the same, in [0, 2]; see
    `effective_rank_fraction`. A mean over nothing is 0.
    """
    return sum(mean_effective_ranks(trace.feature_maps, trace.nonlinearity_inputs))
