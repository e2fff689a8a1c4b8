from __future__ import annotations

import pytest
from torch import nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Conv, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives import OBJECTIVES, register_network_objective, register_objective

PLAN = NetworkPlan(Shape(3, 8, 8), (Block("stem", "conv 3x3", Conv(3, 4, 3)),))


def test_the_shipped_objectives() -> None:
    found = {name: (OBJECTIVES[name].direction, OBJECTIVES[name].needs, OBJECTIVES[name].sign) for name in OBJECTIVES}
    assert found["score"] == ("max", "archive", -1)
    assert found["params"] == found["macs"] == ("min", "plan", 1)
    assert found["latency_ms"] == ("min", "device", 1)
    assert OBJECTIVES["latency_ms"].unit == "ms"
    assert all(OBJECTIVES[name].description for name in OBJECTIVES)


def test_closed_forms_are_those_of_the_network() -> None:
    params, macs = OBJECTIVES["params"].of_plan, OBJECTIVES["macs"].of_plan
    assert params is not None
    assert macs is not None
    assert params(PLAN) == sum(weight.numel() for weight in PLAN.build().parameters())
    assert macs(PLAN) == 8 * 8 * 4 * 3 * 3 * 3


def test_users_register_functions_of_plans_and_networks() -> None:
    @register_objective("test-depth", unit="blocks", description="number of blocks")
    def depth(plan: NetworkPlan) -> float:
        return len(plan.blocks)

    @register_network_objective("test-modules", direction="max")
    def modules(network: nn.Module, shape: Shape) -> float:
        return len(list(network.modules()))

    objective = OBJECTIVES["test-depth"]
    assert (objective.unit, objective.needs, objective.of_network) == ("blocks", "plan", None)
    assert depth(PLAN) == 1
    assert (OBJECTIVES["test-modules"].sign, OBJECTIVES["test-modules"].needs) == (-1, "network")
    with pytest.raises(CoernasError, match="registered already"):
        register_objective("test-depth")(depth)
