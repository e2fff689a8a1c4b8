"""GraSP: what the removal of connections does to the gradient flow."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coernas_moo.proxies.classic.passes import loss_gradients
from coernas_moo.proxies.observe import structure_of
from coernas_moo.proxies.proxy import register_network_proxy


@register_network_proxy(
    "grasp",
    needs=("images", "labels", "gradients"),
    source="Wang et al. 2020, Picking winning tickets before training; as a proxy Abdelfattah et al. 2021, equation 1",
    cost="one forward and two backward passes, the second through the first",
)
def grasp(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Minus the sum over all weights of weight x (Hessian x loss gradient).

    -sum over w of w (H g)_w, with g the loss gradient and H the Hessian over the weights of convolutions and linear
    maps: the proxy's sign, under which large is good. Temperature 1.
    """
    weights = structure_of(network).weights
    gradients = loss_gradients(network, images, labels, weights, differentiable=True)
    flow = torch.stack([(g.detach() * g).sum() for g in gradients]).sum() if gradients else torch.zeros(())
    if not flow.requires_grad:
        return 0.0
    products = torch.autograd.grad(flow, weights, allow_unused=True)
    pairs = zip(weights, products, strict=True)
    return -float(sum(torch.sum(w.detach() * hg, dtype=torch.float64) for w, hg in pairs if hg is not None))
