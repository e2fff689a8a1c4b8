"""The screens of a running search."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from coernas_moo.config import load_problem
from coernas_moo.datasets import Dataset
from coernas_moo.evaluation.record import Record
from coernas_moo.reporting.live import LiveScreen, PlainLines
from coernas_moo.search.progress import Progress
from coernas_moo.spaces import SearchSpace

PROBLEM = load_problem("digits", {"limits": ["params <= 5e4"], "search.seconds": 90})
FAILED = Record("conv3:max/conv3:max/conv3:max", failure="worker killed by SIGKILL (out of memory?)", tries=2)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return PROBLEM.data_settings.open(Path())


@pytest.fixture(scope="module")
def space(dataset: Dataset) -> SearchSpace:
    return PROBLEM.space_settings.build(dataset.info.shape, len(dataset.info.classes))


def progress(generation: int, evaluations: int, left: float | None = 30.0) -> Progress:
    return Progress(generation, 10, evaluations, 300, evaluations, 7, 0.81234, 0.65432, 1, 10.0, 12.3, left)


def drawn(screen: LiveScreen, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, height=24)
    console.print(screen.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    return str(text)


def test_plain_lines(space: SearchSpace, dataset: Dataset) -> None:
    lines: list[str] = []
    listener = PlainLines(lines.append, lines.append)
    listener.started(PROBLEM, space, dataset, Path("somewhere"))
    listener.evaluated(FAILED, progress(1, 30))
    listener.generation(progress(1, 30))
    text = "\n".join(lines)
    for fact in ("1,797 images 1x8x8, 10 classes", "params <= 50000", "generations of 30", "at most 1 min 30 s"):
        assert fact in text
    assert "somewhere" in text
    assert any(FAILED.text in line and "out of memory" in line for line in lines)
    assert lines[-1].startswith("generation 1/10  evaluations 30/300  archive 30  front 7  best score 0.812")
    assert lines[-1].endswith("12.3 evaluations/s  0:30 left")


@pytest.mark.parametrize("width", [80, 100])
def test_live_table_fits_and_moves(width: int, space: SearchSpace, dataset: Dataset) -> None:
    file = io.StringIO()
    with LiveScreen(Console(file=file, force_terminal=True, width=width), print) as screen:
        screen.started(PROBLEM, space, dataset, Path("somewhere"))
        assert "measured now" in drawn(screen, width)
        screen.evaluated(FAILED, progress(0, 5))
        under_way = drawn(screen, width)
        assert "1/10" in under_way
        assert "5/300" in under_way
        for generation in range(1, 11):
            screen.generation(progress(generation, 30 * generation))
        screen.evaluated(FAILED, progress(10, 305))
        text = drawn(screen, width)
        for heading in ("generation", "evaluations", "archive", "front", "best score", "hypervolume", "evals/s"):
            assert heading in text
        assert "…" not in text.split("failed")[0]
        assert "10/10" in text
        assert "3/10 " not in text
        assert "0.812" in text
        assert "0.6543" in text
        assert re.search(r"2[45]% +0:10 so far +0:30 left", text)
        assert "worker killed" in text
    assert "left" not in drawn(screen, width)
    assert "1,797 images 1x8x8" in file.getvalue()


def test_events_draw_nothing(space: SearchSpace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = LiveScreen(Console(file=io.StringIO(), force_terminal=True), print)
    monkeypatch.setattr(screen, "render", lambda: pytest.fail("drawn in the search's own time"))
    screen.evaluated(FAILED, progress(1, 30))
    screen.generation(progress(1, 30))


def test_a_terminal_gets_the_live_screen(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    options = ["--population", "4", "--generations", "2", "--set", 'objectives=["score","params"]', "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "coernas_moo.cli.main", "search", "digits", *options],
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert "hypervolume" in text
    assert "2/2" in text
    assert "coernas show results/runs/digits-1" in text
    assert "coernas report results/runs/digits-1" in text
    assert seen.rstrip().endswith(b"coernas train results/runs/digits-1 --pick knee")
    assert b"\x1b[?25h" in seen, "the cursor is shown again"
