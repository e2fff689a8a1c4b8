"""Searches with users' own units, proxies and objectives, broken ones among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import MakeProblem

from coernas_moo.errors import CoernasError
from coernas_moo.search.loop import run_search

PLUGIN = """
from coernas_moo.networks.layers import Conv
from coernas_moo.networks.units import register_unit
from coernas_moo.objectives import register_objective
from coernas_moo.proxies import register_proxy

@register_unit("test-pointwise")
def pointwise(in_channels, out_channels):
    return Conv(in_channels, out_channels, 1)

@register_proxy("test-loss", needs=(), source="a test", direction="minimise")
def loss(trace):
    with open({log!r}, "a") as log:
        log.write("x")
    return trace.loss

@register_objective("test-blocks", description="number of blocks")
def blocks(plan):
    return len(plan.blocks)
"""


def test_a_users_proxy_unit_and_objective_in_a_search(tmp_path: Path, tiny: MakeProblem) -> None:
    log = tmp_path / "log"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN.format(log=str(log)))
    problem = tiny(
        plugins=[str(plugin)],
        objectives=["score", "test-blocks"],
        space__units=["conv3", "test-pointwise"],
        score__proxies=["robustness", "test-loss"],
        evaluation__workers=2,
    )
    run = run_search(problem, tmp_path / "run")
    assert len(log.read_text()) == len(run.archive) == 18
    assert any("test-pointwise" in record.text for record in run.archive)
    assert all({"robustness", "test-loss"} == set(record.proxies) for record in run.archive)
    assert all(member.objectives["test-blocks"] == len(run.plan(member).blocks) for member in run.front)


DEADLY = """
import os, signal
from coernas_moo.proxies import register_proxy

@register_proxy("test-deadly", needs=("macs",), source="a test")
def deadly(trace):
    if trace.macs // 64 % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(trace.macs // 64)
"""


def test_candidates_that_kill_their_worker_do_not_end_the_run(tmp_path: Path, tiny: MakeProblem) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(DEADLY)
    problem = tiny(plugins=[str(plugin)], score__proxies=["test-deadly"], search__generations=1, search__population=12)
    run = run_search(problem, tmp_path / "run")
    failures = run.archive.failures
    assert 0 < len(failures) < len(run.archive) == 12
    assert {(r.failure, r.tries) for r in failures} == {("worker killed by SIGKILL (out of memory?)", 2)}
    assert all(record.proxies["test-deadly"] % 2 == 0 for record in run.archive if record.scored)
    assert run.front
    assert run.state.status == "finished"


RAISES = """
from coernas_moo import register_network_objective, register_objective, register_proxy

@register_proxy("test-raises", needs=(), source="a test")
def raises(trace):
    raise RuntimeError("broken on purpose")

@register_objective("test-plan-raises")
def plan_raises(plan):
    raise KeyError("nothing here")

@register_objective("test-plan-nan")
def plan_nan(plan):
    return float("nan")

@register_objective("test-plan-text")
def plan_text(plan):
    return "much"
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"score__proxies": ["test-raises"]},
            "none of 6 candidates could be evaluated: RuntimeError: broken on purpose",
        ),
        ({"objectives": ["score", "test-plan-raises"]}, "objective 'test-plan-raises' cannot be computed: KeyError"),
        ({"objectives": ["score", "test-plan-text"]}, "objective 'test-plan-text' cannot be computed: ValueError"),
        (
            {"objectives": ["score", "test-plan-nan"]},
            "none of 6 candidates has a finite value of each of: score, test-",
        ),
        ({"limits": ["test-plan-nan <= 3"]}, "no network of the space meets"),
    ],
)
def test_what_breaks_every_candidate_ends_the_search(
    tmp_path: Path, tiny: MakeProblem, change: dict[str, Any], message: str
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(RAISES)
    with pytest.raises(CoernasError, match=message):
        run_search(tiny(plugins=[str(plugin)], search__population=6, **change), tmp_path / "run")
