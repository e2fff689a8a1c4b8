from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli

from coernas_moo.benchmarks.candidate_cost import measure_candidate_cost
from coernas_moo.benchmarks.evaluation_cost import measure_memory, measure_overhead, measure_workers
from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces import NASBench201

SPACE = NASBench201(Shape(3, 8, 8), 10, channels=4, cells=1)


def test_candidate_cost_is_more_than_a_bare_pass() -> None:
    cost = measure_candidate_cost(SPACE, 3, batch=4, rounds=2)
    assert cost.ratio > 1
    assert cost.full_ms > cost.build_ms > 0
    with pytest.raises(CoernasError, match="at least 1"):
        measure_candidate_cost(SPACE, 0)


def test_workers_evaluate_the_same_candidates() -> None:
    gain = measure_workers(SPACE, candidates=6, turns=2)
    assert gain.candidates == 6
    assert gain.ratio > 0
    assert gain.one_seconds > 0


def test_memory_is_that_of_a_process_with_torch() -> None:
    assert 50 < measure_memory(SPACE, candidates=3) < 2000


def test_overhead_is_a_share(tiny: Callable[..., ProblemFile]) -> None:
    overhead = measure_overhead(tiny())
    assert 0 < overhead.idle_share < 1
    assert overhead.evaluations > 0


def test_the_overhead_of_another_algorithm() -> None:
    small = ["bench", "overhead", "digits", "--population", "4", "--generations", "1", "--algorithm"]
    found = CliRunner().invoke(cli, [*small, "random"], catch_exceptions=False)
    assert found.exit_code == 0
    assert json.loads(found.stdout)["evaluations"] == 4
    unknown = CliRunner().invoke(cli, [*small, "no-such"])
    assert unknown.exit_code == 2
    assert "no-such" in unknown.stderr
