"""What tests of searches share: fronts to the last digit, a stored run, a listener that presses Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coernas_moo.config import ProblemFile, parse_problem
from coernas_moo.evaluation.record import Record
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run
from coernas_moo.testing.runs import make_run

MakeProblem = Callable[..., ProblemFile]

TINY = """
name = "tiny"
objectives = ["score", "params"]
[data]
kind = "noise"
channels = 1
size = 8
classes = 3
[space]
kind = "separable"
stages = 2
max_depth = 2
base_width = 4
units = ["conv3", "sep3", "bottleneck3"]
pools = ["max", "avg"]
[score]
batch = 4
[search]
population = 6
generations = 3
seed = 5
[evaluation]
workers = 1
"""
"""A few hundred small networks, a hundred of which are scored in a second."""


def exactly(run: Run) -> list[Any]:
    """The front with every float of it."""
    return [(m.number, m.text, dict(m.objectives), dict(m.costs), dict(m.proxies)) for m in run.front]


STORED = """
name = "stored"
objectives = ["score", "params"]
[data]
kind = "noise"
size = 8
classes = 3
[space]
kind = "separable"
stages = 2
base_width = 4
"""


def stored_run(path: Path, **how: int) -> Run:
    """A run with made-up values in that folder; `how` as in `make_run`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_run(path, parse_problem(STORED, "test", Path.cwd()), **how)


class Stop(Listener):
    """Presses Ctrl-C after so many evaluations, and remembers what it saw."""

    def __init__(self, after: int = -1) -> None:
        self.after = after
        self.records: list[Record] = []
        self.progress: list[Progress] = []
        self.begun = 0

    def started(self, *args: object) -> None:
        self.begun += 1

    def evaluated(self, record: Record, progress: Progress) -> None:
        self.records.append(record)
        if len(self.records) == self.after:
            os.kill(os.getpid(), signal.SIGINT)

    def generation(self, progress: Progress) -> None:
        self.progress.append(progress)
