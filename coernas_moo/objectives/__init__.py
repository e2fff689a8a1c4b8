"""Objectives and limits: what is minimised or maximised, and what must hold."""

from coernas_moo.objectives.limit import Limit
from coernas_moo.objectives.objective import (
    OBJECTIVES,
    Direction,
    Objective,
    register_network_objective,
    register_objective,
)

__all__ = ["OBJECTIVES", "Direction", "Limit", "Objective", "register_network_objective", "register_objective"]
