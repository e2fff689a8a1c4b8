"""`coernas report`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands import coernas
from runs import stored_run

from coernas_moo.search.run import Run

pytestmark = pytest.mark.usefixtures("in_empty_folder")


@pytest.fixture
def reported(in_empty_folder: None) -> Run:
    """A run in `results/runs` of the current directory."""
    return stored_run(Path("results/runs/reported-1"))


def test_the_latest_run_is_reported_in_its_folder(reported: Run) -> None:
    result = coernas("report")
    path = reported.directory.path / "report.html"
    assert result.output.startswith(f"wrote {path}  (")
    assert reported.front[0].text in path.read_text(encoding="utf-8")
    assert {item.name for item in Path().iterdir()} == {"results"}


def test_a_run_by_name_goes_where_out_says(reported: Run) -> None:
    assert coernas("report", "reported-1", "--out", "mine.html").exit_code == 0
    assert Path("mine.html").stat().st_size < 6e6
    assert not (reported.directory.path / "report.html").exists()


def test_one_run_under_two_names_is_reported_in_its_folder(reported: Run) -> None:
    path = reported.directory.path / "report.html"
    assert coernas("report", "reported-1", str(reported.directory.path)).output.startswith(f"wrote {path}  (")


def test_several_runs_are_one_page_in_the_current_folder(reported: Run) -> None:
    other = stored_run(Path("other"), networks=5, seed=3)
    result = coernas("report", "reported-1", "other", "results/runs/reported-1", "other", "./other/")
    assert result.output.startswith("wrote report.html  (")
    text = Path("report.html").read_text(encoding="utf-8")
    assert text.count('<article class="entry"') == 2
    assert text.index('id="entry-1"') < text.index(reported.front[0].text) < text.index('id="entry-2"')
    assert other.front[0].text in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["missing"], "no run here"),
        (["reported-1", "--out", "none/report.html"], "none/report.html: cannot be written"),
        (["reported-1", "missing"], "no run here"),
    ],
)
def test_what_cannot_be_reported_ends_with_code_2(reported: Run, arguments: list[str], line: str) -> None:
    result = coernas("report", *arguments)
    assert result.exit_code == 2
    assert line in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert {item.name for item in Path().iterdir()} == {"results"}


def test_without_a_run_there_is_nothing_to_report() -> None:
    result = coernas("report")
    assert result.exit_code == 2
    assert "no runs in results/runs" in result.output


def test_without_plotly_one_line_says_what_to_install(reported: Run) -> None:
    hidden = "import sys; sys.modules['plotly'] = None; from coernas_moo.cli.main import main; main(['report'])"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "coernas: the report needs the package 'plotly', which is not installed: pip install 'coernas-moo[report]'"
    ]
