from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coernas_moo.config import ProblemFile, parse_problem
from coernas_moo.search.run import Run
from coernas_moo.testing.runs import make_run

PROBLEM = """
name = "made-up"
description = "nothing was searched"
objectives = ["score", "latency_ms", "params"]
[data]
kind = "noise"
channels = 3
size = 16
classes = 5
[space]
kind = "separable"
stages = 2
max_depth = 3
width_multipliers = [0.5, 1, 2]
"""
CELLS = """
name = "cells"
objectives = ["score", "macs"]
[data]
kind = "noise"
channels = 3
size = 16
classes = 5
[space]
kind = "nasbench201"
channels = 4
cells = 2
"""


def problem(text: str = PROBLEM, **values: object) -> ProblemFile:
    return parse_problem(text, "test", Path.cwd(), {key.replace("__", "."): value for key, value in values.items()})


@pytest.fixture(scope="session")
def front_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Sixty random networks of the separable space, two of which failed."""
    return make_run(tmp_path_factory.mktemp("runs") / "made-up-1", problem(), networks=60, failures=2)


@pytest.fixture(scope="session")
def cell_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Thirty random cells."""
    return make_run(tmp_path_factory.mktemp("runs") / "cells-1", problem(CELLS), networks=30)


@pytest.fixture
def run_with(tmp_path: Path) -> Callable[..., Run]:
    """Makes a run with other settings: `run_with(objectives=["score"])`."""

    def make(networks: int = 20, failures: int = 0, **values: object) -> Run:
        return make_run(tmp_path / "run", problem(PROBLEM, **values), networks, failures)

    return make
