"""The variants of the search study still run, and each is another search than the one that ships."""

from __future__ import annotations

import json
import re
import shutil
from itertools import combinations
from pathlib import Path

import pytest

from coernas_moo.benchmarks.comparison import compare
from coernas_moo.benchmarks.searching import Plan
from coernas_moo.benchmarks.tabular_problem import TabularProblem
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.driver import Driver
from coernas_moo.search.presets import effective_preset
from coernas_moo.testing.algorithms import CELLS, drive

VARIANTS = Path(__file__).parents[2] / "results" / "search-study" / "variants.py"


@pytest.fixture
def settings(table_here: None, tmp_path: Path) -> ProblemFile:
    """A problem with the variants as its plugin, a copy: a file registers what it holds once."""
    plugin = shutil.copy(VARIANTS, tmp_path / "variants.py")
    return load_problem("nb201-edgegpu", {"search.population": 16, "plugins": [str(plugin)]})


def test_every_variant_searches_otherwise(settings: ProblemFile, tmp_path: Path) -> None:
    names = re.findall(r'^variant\("([^"]*)"', VARIANTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) > 20
    # No score is searched here.
    names.remove("score-as-a-whole")
    compare(Plan(settings, ("hd-duaas", "hd-duaas-plain", *names), 1, 90), tmp_path / "study", workers=1)
    found = {
        path.stem.removesuffix("-1-90"): json.loads(path.read_text(encoding="utf-8"))["texts"]
        for path in (tmp_path / "study" / "searches").iterdir()
    }
    assert {len(texts) for texts in found.values()} == {90}
    shipped = (found["hd-duaas"], found["hd-duaas-plain"])
    alike = {name for name in names if found[name] in shipped}
    # A front that the population holds whole leaves nothing to be added to the parents; short searches need not stall.
    assert alike <= {"archive-parents", "stalling", "plain-forgetful", "plain-stalling"}
    assert found["stalling-ahead"] != found["ahead"]


def test_a_table_can_stand_for_workers(settings: ProblemFile) -> None:
    in_work = []
    for name in ("hd-duaas", "ahead"):
        problem = TabularProblem(settings)
        driver = Driver(ALGORITHMS[name](problem, effective_preset(settings.search)), problem, 1)
        for _ in range(3):
            assert driver.step()
        in_work.append(problem.evaluations_begun - problem.archive.evaluations)
    assert in_work == [0, 4]


@pytest.mark.usefixtures("settings")
def test_variants_of_the_surrogate_search_a_score_otherwise_too() -> None:
    # Nothing better than the best is predicted of the random numbers that are searched: `bounded` would be the same.
    names = ("hd-duaas", "score-as-a-whole", "before")
    searches = [drive(name, CELLS, generations=30)[0].evaluated for name in names]
    assert all(one != other for one, other in combinations(searches, 2))
