"""What is exported: a network with its weights, its plan and its description."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from coernas_moo.export.description import Description
from coernas_moo.networks.plan import NetworkPlan


@dataclass(frozen=True)
class Model:
    """A network that can be exported.

    Args:
        plan: the network as data; None for one from elsewhere, which cannot be written as Python.
        module: the same as a module with weights, on the CPU; (n, c, h, w) normalised images to (n, classes) logits.
        description: what the file says about itself.
    """

    plan: NetworkPlan | None
    module: nn.Module
    description: Description
