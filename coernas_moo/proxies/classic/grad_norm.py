"""GradNorm: how large the loss gradient is."""

from __future__ import annotations

from coernas_moo.proxies.proxy import register_proxy
from coernas_moo.proxies.trace import Trace


@register_proxy(
    "grad_norm",
    needs=("weight_gradients",),
    source="Abdelfattah et al. 2021, Zero-cost proxies for lightweight NAS, section 3.2",
)
def grad_norm(trace: Trace) -> float:
    """Sum over weight tensors of the Euclidean norm of the loss gradient.

    sum over W of ||dL/dW||_F, of convolutions and linear maps. Depends on the scale of the initialisation: behind a
    norm a gradient is inversely proportional to its weights.
    """
    return float(sum(gradient.norm().double() for gradient in trace.weight_gradients))
