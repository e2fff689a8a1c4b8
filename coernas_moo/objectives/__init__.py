"""Objectives and limits: what is minimised or maximised, and what must hold."""

from coernas_moo.objectives.limit import Limit
from coernas_moo.objectives.objective import (
    OBJECTIVES,
    Direction,
    Objective,
    register_network_objective,
    register_objective,
)
from coernas_moo.objectives.tabular import ERROR, TEST_ERROR, table_column

__all__ = [
    "ERROR",
    "OBJECTIVES",
    "TEST_ERROR",
    "Direction",
    "Limit",
    "Objective",
    "register_network_objective",
    "register_objective",
    "table_column",
]
