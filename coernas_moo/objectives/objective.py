"""What is minimised or maximised: the registry of objectives and what each needs to be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.registry import Registry

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Objective:
    """Metadata and function of one objective.

    Args:
        name: as the problem file writes it.
        direction: `min` or `max`.
        unit: for people, may be empty.
        needs: `plan` (closed form: function of a `NetworkPlan`), `network` (function of the built module and
            its input shape, computed by a worker), `device` (latency: table or measurement), `archive` (the score),
            `table` (read from a tabular benchmark).
        description: one line.
        of_plan, of_network: compute a plan's or a network's value; None for the others.
        of_block: a block's share for inputs of a shape, where `of_plan` is the sum of these: then the values of many
            networks are computed at once.
    """

    name: str
    direction: Direction
    unit: str
    needs: Literal["plan", "network", "device", "archive", "table"]
    description: str
    of_plan: Callable[[NetworkPlan], float] | None = None
    of_network: Callable[[nn.Module, Shape], float] | None = None
    of_block: Callable[[Block, Shape], float] | None = None

    @property
    def sign(self) -> int:
        """Factor that turns the value into one to be minimised."""
        return 1 if self.direction == "min" else -1


OBJECTIVES: Registry[Objective] = Registry("objective", "coernas_moo.objectives")


def register_objective(
    name: str,
    *,
    direction: Direction = "min",
    unit: str = "",
    description: str = "",
    of_block: Callable[[Block, Shape], float] | None = None,
) -> Callable[[Callable[[NetworkPlan], float]], Callable[[NetworkPlan], float]]:
    """Register a closed-form objective: a function of the network's plan, and its share of a block if it is a sum.

    Example:
        >>> from coernas_moo.registry import Registry
        >>> @register_objective("depth_example", description="number of blocks")
        ... def depth_example(plan):
        ...     return len(plan.blocks)
        >>> OBJECTIVES["depth_example"].needs
        'plan'
    """

    def decorate(function: Callable[[NetworkPlan], float]) -> Callable[[NetworkPlan], float]:
        objective = Objective(name, direction, unit, "plan", description, of_plan=function, of_block=of_block)
        OBJECTIVES.add(name, objective)
        return function

    return decorate


def register_network_objective(
    name: str, *, direction: Direction = "min", unit: str = "", description: str = ""
) -> Callable[[Callable[[nn.Module, Shape], float]], Callable[[nn.Module, Shape], float]]:
    """Register an objective of the built module (at full size, weights initialised) and its input shape.

    It is computed in a worker, once a candidate, and has to be deterministic.
    """

    def decorate(function: Callable[[nn.Module, Shape], float]) -> Callable[[nn.Module, Shape], float]:
        OBJECTIVES.add(name, Objective(name, direction, unit, "network", description, of_network=function))
        return function

    return decorate


OBJECTIVES.add(
    "score",
    Objective("score", "max", "", "archive", "fused rank of the training-free proxies in the space, between 0 and 1"),
)
OBJECTIVES.add("latency_ms", Objective("latency_ms", "min", "ms", "device", "inference time of one batch"))


@register_objective("params", description="trainable parameters", of_block=lambda block, _: block.params)
def params(plan: NetworkPlan) -> float:
    """Trainable parameters of the network."""
    return float(plan.params())


@register_objective(
    "macs",
    description="multiply-accumulate operations of convolutions and linear maps, one image",
    of_block=Block.macs,
)
def macs(plan: NetworkPlan) -> float:
    """MACs for one image."""
    return float(plan.macs())
