"""Directories and problems that no search is begun with; nothing is written for them."""

from __future__ import annotations

import contextlib
import multiprocessing
import re
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from runs import MakeProblem

from coernas_moo.errors import CoernasError, DataError, ProblemFileError, RunError
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.loop import run_search
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import RunDirectory


def test_a_run_in_use_is_refused(tmp_path: Path, tiny: MakeProblem) -> None:
    run_search(tiny(search__generations=1), tmp_path / "run")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    other = context.Process(target=_hold, args=(tmp_path / "run", theirs))
    other.start()
    try:
        assert ours.recv() == "held"
        with pytest.raises(RunError, match="in use by another search; wait for it") as caught:
            run_search(tiny(), tmp_path / "run", resume=True)
        assert "\n" not in str(caught.value)
    finally:
        other.kill()
        other.join()
    # The lock has gone with the process.
    assert run_search(tiny(), tmp_path / "run", resume=True).state.generation == 3


def _hold(path: Path, connection: Connection) -> None:
    with RunDirectory(path).lock():
        connection.send("held")
        time.sleep(60)


def test_two_searches_of_one_process_are_refused_too(tmp_path: Path, tiny: MakeProblem) -> None:
    class Nested(Listener):
        refused = ""

        def generation(self, progress: Progress) -> None:
            with contextlib.suppress(KeyError):
                try:
                    run_search(tiny(), tmp_path / "run", resume=True)
                except RunError as error:
                    self.refused = str(error)

    listener = Nested()
    run_search(tiny(search__generations=1), tmp_path / "run", listener=listener)
    assert "in use" in listener.refused


def test_a_new_run_needs_an_empty_directory(tmp_path: Path, tiny: MakeProblem, finished_run: Run) -> None:
    with pytest.raises(RunError, match="a run is here; add --resume"):
        run_search(tiny(), finished_run.directory.path)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="not empty and not a run"):
        run_search(tiny(), tmp_path, resume=True)
    assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (True, "algorithm 'faulty' cannot be made: ValueError: hey"),
        (False, "algorithm 'faulty': its factory returned no pymoo Algorithm but None"),
    ],
)
def test_a_factory_that_fails_is_named(tmp_path: Path, tiny: MakeProblem, fails: bool, words: str) -> None:
    def faulty(problem: object, preset: object) -> Any:
        if fails:
            raise ValueError("hey")

    ALGORITHMS.add("faulty", faulty)
    with pytest.raises(CoernasError, match=re.escape(words)):
        run_search(tiny(search__algorithm="faulty"), tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"limits": ["params <= 3"]}, ProblemFileError, "no network of the space meets params <= 3; the nearest found"),
        ({"search__algorithm": "nsga22"}, ProblemFileError, "search.algorithm: no algorithm named 'nsga22'"),
        (
            {"search__algorithm": "moead", "objectives": ["score"]},
            ProblemFileError,
            "moead takes two objectives at least",
        ),
        (
            {"search__algorithm": "sms-emoa", "objectives": ["params"]},
            ProblemFileError,
            "search.algorithm: sms-emoa takes two objectives at least",
        ),
        ({"search__mutation": {"cnov": 0.1}}, ProblemFileError, "search.mutation: this space has no segment 'cnov'"),
        ({"data": {"kind": "folder"}}, DataError, "needs images"),
        ({"data": {"kind": "folder", "path": "/no/such/folder"}}, DataError, "no file or folder"),
    ],
)
def test_bad_input_leaves_nothing_on_disk(
    tmp_path: Path, tiny: MakeProblem, change: dict[str, Any], error: type[CoernasError], words: str
) -> None:
    with pytest.raises(error) as caught:
        run_search(tiny(**change), tmp_path / "runs" / "run")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, tiny: MakeProblem) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="give another --out"):
        run_search(tiny(), tmp_path / "file" / "run")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a directory where not even root may write")
@pytest.mark.parametrize("path", ["/proc/run", "/proc/deeper/run"])
def test_a_read_only_directory_is_named(path: str, tiny: MakeProblem) -> None:
    with pytest.raises(RunError, match=f"{path}: cannot be .*; give another --out"):
        run_search(tiny(), path)
