"""Number of parameters."""

from __future__ import annotations

from torch import Tensor, nn

from coernas_moo.proxies.proxy import register_network_proxy


@register_network_proxy(
    "params",
    needs=(),
    source="the field's baseline; e.g. White et al. 2022, A deeper look at zero-cost proxies",
    cost="nothing is run",
    stochastic=False,
)
def params(network: nn.Module, _images: Tensor, _labels: Tensor) -> float:
    """Number of parameters, biases and norms included.

    A parameter that several modules share counts once.
    """
    return float(sum(parameter.numel() for parameter in network.parameters()))
