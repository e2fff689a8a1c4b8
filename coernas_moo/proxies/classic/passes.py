"""What several network proxies do: class scores of a batch, loss gradients of all conv and linear weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.proxies.recorder import first_tensor


def class_scores(network: nn.Module, images: Tensor) -> Tensor:
    """Shape (n, classes), from a network that returns them, or a tuple, list or mapping that begins with them.

    Raises:
        CoernasError: the network returns no tensor.
    """
    scores = first_tensor(network(images))
    if scores is None:
        raise CoernasError("a network returns class scores of shape (n, classes), this one no tensor")
    return scores


def loss_gradients(
    network: nn.Module, images: Tensor, labels: Tensor, weights: Sequence[Tensor], *, differentiable: bool = False
) -> list[Tensor]:
    """Gradients of the mean cross-entropy, one for each of `weights`; zeros where no path leads to the loss.

    Args:
        differentiable: keep the graph, so that the gradients can be differentiated.
    """
    loss = F.cross_entropy(class_scores(network, images), labels)
    if not weights or not loss.requires_grad:
        return [torch.zeros_like(weight) for weight in weights]
    found = torch.autograd.grad(loss, weights, create_graph=differentiable, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
