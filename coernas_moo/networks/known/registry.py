"""The registry of networks that can be trained by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.networks.units import check_name
from coernas_moo.registry import Registry

PlanFactory = Callable[[Shape, int], NetworkPlan]
"""(shape of an image, number of classes) -> the network."""

SMALL_SIDE = 64
"""From this shorter side on, networks made for large photographs keep the stem that shrinks images four times."""


@dataclass(frozen=True)
class Baseline:
    """An entry of `BASELINES`; calling it makes the plan.

    Args:
        name: what the command line says.
        label: what tables say.
        factory: makes the plan.
    """

    name: str
    label: str
    factory: PlanFactory

    def __call__(self, shape: Shape, classes: int) -> NetworkPlan:
        """The network for images of `shape` and `classes` classes."""
        return self.factory(shape, classes)


BASELINES: Registry[Baseline] = Registry("baseline", group="coernas_moo.baselines")
"""Networks that can be trained by name."""


def register_baseline(name: str, label: str | None = None) -> Callable[[PlanFactory], PlanFactory]:
    """Registers the decorated factory under `name`, shown to people as `label` (by default the name).

    Raises:
        CoernasError: the name is taken, or needs quoting in a shell.
    """
    check_name("baseline", name)

    def add(factory: PlanFactory) -> PlanFactory:
        BASELINES.add(name, Baseline(name, label or name, factory))
        return factory

    return add
