"""What tests of searches share: fronts to the last digit, and a listener that presses Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from coernas_moo.config import ProblemFile
from coernas_moo.evaluation.record import Record
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run

MakeProblem = Callable[..., ProblemFile]


def exactly(run: Run) -> list[Any]:
    """The front with every float of it."""
    return [(m.number, m.text, dict(m.objectives), dict(m.costs), dict(m.proxies)) for m in run.front]


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
