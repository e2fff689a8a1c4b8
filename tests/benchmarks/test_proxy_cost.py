"""What proxies cost against each other."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli

from coernas_moo.benchmarks.proxy_cost import Fidelity, against_az_nas, proxy_costs
from coernas_moo.errors import CoernasError


def test_az_nas_at_its_fidelity_costs_more() -> None:
    small, large = Fidelity(1, 8, 4), Fidelity(2, 16, 8)
    found = against_az_nas(2, rounds=1, ours=small, theirs=large)
    assert found.ratio_low <= found.ratio <= found.ratio_high
    assert found.az_nas_ms > found.bare_ms > 0
    assert found.ratio > 1
    for networks, rounds in ((0, 1), (1, 0)):
        with pytest.raises(CoernasError, match="at least 1"):
            against_az_nas(networks, rounds=rounds)


def test_costs_of_groups() -> None:
    costs = proxy_costs([("flops",), ("flops", "vkdnw")], 1, rounds=1, fidelity=Fidelity(1, 8, 4))
    assert costs.shape == (2,)
    assert costs[1] > costs[0] > 0


def test_command_prints_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    from coernas_moo.benchmarks import proxy_cost

    found = against_az_nas(1, rounds=1, ours=Fidelity(1, 8, 4), theirs=Fidelity(1, 8, 4))
    monkeypatch.setattr(proxy_cost, "against_az_nas", lambda networks, seed, rounds: found)
    result = CliRunner().invoke(cli, ["bench", "az-nas", "--networks", "1"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ratio"] == found.ratio
    assert document["protocol"]["fidelity"]["az_nas"] == {"cells": 5, "size": 32, "batch": 64}
