"""Every problem on the table has a version that searches by the score."""

from __future__ import annotations

import pytest

from coernas_moo.config import load_problem
from coernas_moo.shipped import shipped_problems

ON_THE_TABLE = [name for name in shipped_problems() if name.startswith("nb201-") and not name.endswith("-free")]


@pytest.mark.parametrize("name", ON_THE_TABLE)
def test_a_training_free_version_has_the_score_for_the_error(name: str) -> None:
    problem, free = load_problem(name), load_problem(f"{name}-free")
    assert free.objectives == tuple("score" if each.startswith("error:") else each for each in problem.objectives)
    assert (problem.space["merge"], free.space["merge"]) == (False, True)
    assert free.search == problem.search
