"""LCMNAS: the training-free term of its score."""

from __future__ import annotations

from torch import Tensor, nn

from coernas_moo.proxies.classic.jacob_cov import jacobian_divergence
from coernas_moo.proxies.proxy import register_network_proxy


@register_network_proxy(
    "lcmnas",
    needs=("images", "gradients"),
    source="Lopes and Alexandre 2023, Towards less constrained macro-neural architecture search",
    cost="one forward and one backward pass",
)
def lcmnas(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Reciprocal divergence of the eigenvalues of the input-Jacobian correlation from one.

    1e4 / sum over v of (log(v + k) + 1/(v + k)), k = 1e-5, v as in `jacobian_divergence`. That sum is at least
    the number of images, give or take k, so the order is that of `jacob_cov`.
    """
    return 1e4 / jacobian_divergence(network, images)
