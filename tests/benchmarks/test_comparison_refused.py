"""Comparisons that are refused: other plugins, other scores, what is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_comparison import built_problem, table_problem

from coernas_moo.benchmarks.comparison import compare
from coernas_moo.benchmarks.searching import Plan
from coernas_moo.errors import CoernasError, RunError

ALGORITHM = """
from coernas_moo.search.algorithms import ALGORITHMS
@ALGORITHMS.register("mine")
def mine(problem, preset):
    return ALGORITHMS["{}"](problem, preset)
"""


def test_a_plugin_that_has_changed_needs_another_folder(table_here: None, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(ALGORITHM.format("random"))
    plan = Plan(table_problem(plugins=[str(plugin)]), ("mine", "random"), 1, 30)
    first = compare(plan, tmp_path / "c", workers=1)
    assert np.array_equal(
        compare(plan, tmp_path / "c", workers=1).standings["mine"].final, first.standings["mine"].final
    )
    plugin.write_text(ALGORITHM.format("nsga2"))
    with pytest.raises(RunError, match="a plugin has changed since its searches were made; give another --out"):
        compare(plan, tmp_path / "c", workers=1)


def test_scores_that_were_made_otherwise_are_told_before_anything_is_written(table_here: None, tmp_path: Path) -> None:
    compare(Plan(built_problem(tmp_path), ("random",), 1, 8), tmp_path / "first", workers=1)
    compare(Plan(table_problem(), ("random",), 1, 30), tmp_path / "table", workers=1)
    other = Plan(built_problem(tmp_path, **{"space.base_width": 8}), ("random",), 1, 8)
    for folder, message in (("first", "scored with another"), ("table", "no network was scored there")):
        with pytest.raises(RunError, match=message):
            compare(other, tmp_path / "second", workers=1, scores_of=tmp_path / folder)
    assert not (tmp_path / "second").exists()


def test_a_lost_journal_is_named_with_what_to_do(tmp_path: Path) -> None:
    plan = Plan(built_problem(tmp_path), ("random",), 1, 8)
    compare(plan, tmp_path / "c", workers=1)
    for part in (tmp_path / "c").glob("journal.sqlite*"):
        part.unlink()
    with pytest.raises(RunError, match=r"journal\.sqlite: is lost, .* remove .*searches to search anew"):
        compare(plan, tmp_path / "c", workers=1)


def test_scores_of_others_are_for_searches_of_a_score(table_here: None, tmp_path: Path) -> None:
    with pytest.raises(CoernasError, match="no network is scored in a search of nb201-edgegpu"):
        compare(Plan(table_problem(), ("random",), 1, 30), tmp_path / "c", workers=1, scores_of=tmp_path)
    problem = built_problem(tmp_path)
    with pytest.raises(RunError, match="no run here"):
        compare(Plan(problem, ("random",), 1, 30), tmp_path / "c", workers=1, scores_of=tmp_path)
    assert not (tmp_path / "c").exists()
