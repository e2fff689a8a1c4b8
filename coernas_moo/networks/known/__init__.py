"""Well-known networks as plans: what a user would pick by hand, and a search has to beat.

A network is a function from the shape of an image and the number of classes to a plan, in the registry `BASELINES`.
They are trained from scratch, like what a search finds.
"""

from coernas_moo.networks.known import mobilenet, plain, resnet
from coernas_moo.networks.known.registry import BASELINES, PlanFactory, register_baseline

__all__ = ["BASELINES", "PlanFactory", "mobilenet", "plain", "register_baseline", "resnet"]
