"""All algorithms begin with the same networks, however many objectives there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coernas_moo.benchmarks.comparison import Plan, compare
from coernas_moo.config import load_problem
from coernas_moo.search.algorithms import ALGORITHMS

OBJECTIVES = ["error:cifar10", "params", "macs", "latency:edgegpu", "energy:edgegpu"]


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_first_populations_are_equal(objectives: int, table_here: None, tmp_path: Path) -> None:
    problem = load_problem("nb201-mop5", {"search.population": 20, "objectives": OBJECTIVES[:objectives]})
    names = tuple(ALGORITHMS)
    compare(Plan(problem, names, 1, 40), tmp_path / "c", workers=1)
    found = {name: json.loads((tmp_path / "c" / "searches" / f"{name}-1-40.json").read_text()) for name in names}
    assert {len(set(search["texts"])) for search in found.values()} == {40}
    assert len({tuple(search["texts"][:20]) for search in found.values()}) == 1
