from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from coernas_moo.cli.front import FORMATS
from coernas_moo.cli.main import cli
from runs import stored_run

from coernas_moo.reporting.exports import EXPORTS, front_csv, front_json
from coernas_moo.search.run import Run


@pytest.fixture
def fronted(in_empty_folder: None) -> Run:
    """A run in `results/runs` of the current directory."""
    return stored_run(Path("results/runs/fronted-1"))


def test_the_command_offers_every_format() -> None:
    assert set(FORMATS) == set(EXPORTS)


def test_without_options_csv_beside_the_run(fronted: Run) -> None:
    result = CliRunner().invoke(cli, ["front"])
    path = fronted.directory.path / "front.csv"
    assert result.stdout == f"wrote {path}\n"
    assert path.read_text() == front_csv(fronted)


def test_several_formats_at_once(fronted: Run) -> None:
    arguments = [argument for name in FORMATS for argument in ("--to", name)]
    result = CliRunner().invoke(cli, ["front", "fronted-1", *arguments, "--out", "here"])
    assert result.exit_code == 0
    written = {f"here{EXPORTS[name].suffix}" for name in FORMATS}
    assert {path.name for path in Path().iterdir()} == {"results", *written}
    assert Path("here.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["csv", "json"])
def test_stdout_holds_the_document_and_nothing_else(fronted: Run, name: str) -> None:
    result = CliRunner().invoke(cli, ["front", "fronted-1", "--to", name, "--out", "-"])
    assert result.stdout == {"csv": front_csv, "json": front_json}[name](fronted)


def test_a_picture_on_stdout(fronted: Run) -> None:
    result = CliRunner().invoke(cli, ["front", "--to", "png", "--out", "-"])
    assert result.stdout_bytes.startswith(b"\x89PNG")
    assert result.stdout_bytes.rstrip().endswith(b"IEND\xaeB`\x82")


def test_the_suffix_of_out_says_the_format(fronted: Run) -> None:
    assert CliRunner().invoke(cli, ["front", "--out", "mine.json"]).exit_code == 0
    assert json.loads(Path("mine.json").read_text())["problem"] == "stored"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--to", "csv", "--to", "json", "--out", "-"], "only one format fits on stdout"),
        (["--to", "pdf"], "'pdf' is not one of"),
        (["--out", "front.pdf"], "no format has the suffix .pdf; take one of .csv, .json"),
        (["--out", "none/front.csv"], "none/front.csv: cannot be written"),
        (["missing"], "no run here"),
    ],
)
def test_wrong_options_end_with_code_2(fronted: Run, arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(cli, ["front", *arguments])
    assert result.exit_code == 2
    assert line in result.stderr
    assert {path.name for path in Path().iterdir()} == {"results"}
