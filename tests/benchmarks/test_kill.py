from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coernas_moo.benchmarks.kill_test import kill_and_resume
from coernas_moo.config import ProblemFile
from coernas_moo.errors import RunError


@pytest.mark.slow
def test_killed_and_resumed_runs_end_as_undisturbed_ones(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> None:
    report = kill_and_resume(tiny(search__generations=6, search__population=12), tmp_path, kills=2, seed=1)
    assert (report.kills, report.identical, report.repeated, report.surplus) == (2, 2, 0, 0)
    assert report.evaluations == 72
    assert 0 < report.kept < 144


def test_a_budget_of_seconds_is_refused(tmp_path: Path, tiny: Callable[..., ProblemFile]) -> None:
    with pytest.raises(RunError, match="give generations or evaluations"):
        kill_and_resume(tiny(search__seconds=1.0), tmp_path)
    assert not list(tmp_path.iterdir())
