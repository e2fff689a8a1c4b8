"""What is exported: a network with its weights, its plan and its description."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
        directory: of the trained model that the weights are from; None where they are random, or from elsewhere.
        finished: whether that training has come to its end.
    """

    plan: NetworkPlan | None
    module: nn.Module
    description: Description
    directory: Path | None = None
    finished: bool = True
