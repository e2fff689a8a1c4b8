"""Does a search that is killed at a random moment and resumed end as one that is not?"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coernas_moo.config import ProblemFile
from coernas_moo.errors import RunError
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.record import Record
from coernas_moo.search.loop import run_search
from coernas_moo.search.run import Member
from coernas_moo.search.run_directory import RunDirectory

_SEARCH = """
import sys
from coernas_moo.config import load_problem
from coernas_moo.search.loop import run_search
run_search(load_problem(sys.argv[1]), sys.argv[2])
"""


TRIES = 10
"""For each kill, since a search may have ended by its moment."""


@dataclass(frozen=True)
class KillReport:
    """What came of killing searches.

    Args:
        kills: processes killed before all was evaluated.
        identical: how many of these, resumed, ended with the front of the undisturbed run, bit for bit.
        evaluations: of the undisturbed run.
        kept: evaluations in the journals when the processes were killed, over all kills.
        repeated: of these, how many a resumed run made again.
        surplus: evaluations that a resumed run ended with and the undisturbed run did not, over all kills.
    """

    kills: int
    identical: int
    evaluations: int
    kept: int
    repeated: int
    surplus: int


def kill_and_resume(problem: ProblemFile, folder: Path, kills: int = 20, seed: int = 0) -> KillReport:
    """Run a search undisturbed, then `kills` times: start it in a process of its own, kill -9 it, resume it, compare.

    The moments are uniform over the time that the process works on its run directory.

    Args:
        problem: of the search; runs by numbers of generations or evaluations, not by time.
        folder: receives the runs; new or empty.
        kills: how many.
        seed: of the moments.

    Raises:
        CoernasError: the problem or the folder cannot be used.
        RunError: the searches end before they can be killed.
    """
    if problem.search.seconds is not None:
        raise RunError("runs with a budget of seconds end at different places; give generations or evaluations")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "problem.toml"
    file.write_text(problem.to_toml(), encoding="utf-8")
    undisturbed = run_search(problem, folder / "undisturbed")
    rng = np.random.default_rng(seed)
    identical = kept = repeated = surplus = done = 0
    for _ in range(TRIES * kills):
        if done == kills:
            break
        path = folder / f"killed-{done + 1}"
        killed = _run_and_kill(file, path, float(rng.uniform(0, undisturbed.state.seconds)))
        before = _records(path)
        if not killed or len(before) == len(undisturbed.archive):
            # It had ended, or had nothing left to do but that: take it out of the way.
            if path.exists():
                path.rename(path.with_name(f"not-{path.name}-{time.monotonic_ns()}"))
            continue
        resumed = run_search(problem, path, resume=True)
        after = _records(path)
        # A second evaluation takes another time, to the microsecond.
        repeated += sum(after[text].seconds != record.seconds for text, record in before.items())
        surplus += len(after.keys() - {record.text for record in undisturbed.archive})
        kept += len(before)
        identical += _exactly(resumed.front) == _exactly(undisturbed.front)
        done += 1
    if done < kills:
        raise RunError("the searches ended before they could be killed; give a longer search")
    return KillReport(kills, identical, len(undisturbed.archive), kept, repeated, surplus)


def _run_and_kill(problem: Path, path: Path, after_seconds: float) -> bool:
    """Whether the process was killed before it ended."""
    process = subprocess.Popen([sys.executable, "-c", _SEARCH, str(problem), str(path)])
    while not path.exists() and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after_seconds)
    process.kill()
    return process.wait() < 0


def _records(path: Path) -> dict[str, Record]:
    journal = RunDirectory(path).journal
    return {record.text: record for record in read_all(journal)} if journal.exists() else {}


def _exactly(front: list[Member]) -> list[tuple[object, ...]]:
    return [
        (
            member.text,
            *(value.hex() for values in (member.objectives, member.costs, member.proxies) for value in values.values()),
        )
        for member in front
    ]
