"""Isotropy: features fill all directions alike."""

from __future__ import annotations

from coernas_moo.proxies.feature_map import effective_dimensions, mean_effective_ranks
from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "isotropy",
    needs=("nonlinearity_inputs",),
    source="effective rank: Roy and Vetterli 2007, definition 1; summed over activations: Husistein et al. 2025 (NEAR)",
)
def isotropy(trace: Trace) -> float:
    """Directions that features fill alike, summed over the inputs of nonlinearities.

    sum over nonlinearity inputs of channels x erank / rank limit; see `effective_rank_fraction`. With more samples than
    channels each term is the effective rank itself; with fewer, the fraction that could be seen is carried over to all
    channels, so that a late, small map counts like an early one. What enters the nonlinearities is what they can bend:
    the more directions, the more different pieces. A tensor that several nonlinearities take counts once for each; a
    network without nonlinearity gets 0.
    """
    return effective_dimensions(trace.nonlinearity_inputs)


@register_proxy(
    "isotropy_fraction",
    needs=("feature_maps", "nonlinearity_inputs"),
    source="effective rank: Roy and Vetterli 2007, definition 1; the two means and their sum are ours",
)
def isotropy_fraction(trace: Trace) -> float:
    """Effective rank of features, as a fraction, at block outputs plus at the inputs of nonlinearities.

    mean over block outputs of erank / rank limit + mean over nonlinearity inputs of the same, in [0, 2]: isotropy that
    takes no account of how many channels and layers there are. A mean over nothing, as in a network without
    nonlinearity, is 0.
    """
    return sum(mean_effective_ranks(trace.feature_maps, trace.nonlinearity_inputs))
