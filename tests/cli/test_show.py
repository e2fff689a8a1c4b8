from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from PIL import Image
from runs import stored_run

from coernas_moo.search.run import Run


@pytest.fixture
def shown(in_empty_folder: None) -> Run:
    """A run in `results/runs` of the current directory."""
    return stored_run(Path("results/runs/shown-1"), failures=1)


@pytest.mark.parametrize("argument", [["results/runs/shown-1"], ["shown-1"], []])
def test_a_run_is_found_by_path_by_name_and_as_the_latest(shown: Run, argument: list[str]) -> None:
    result = CliRunner().invoke(cli, ["show", *argument])
    assert result.exit_code == 0
    assert "results/runs/shown-1" in result.stdout
    assert shown.front[0].text in result.stdout
    assert "ran out of memory" in result.stdout


def test_json_is_all_there_is_on_stdout(shown: Run) -> None:
    result = CliRunner().invoke(cli, ["show", "--json"])
    document = json.loads(result.stdout)
    assert [network["genotype"] for network in document["networks"]] == [member.text for member in shown.front]
    assert document["failures"] == {"ran out of memory": 1}
    assert (document["status"], document["problem"]) == ("finished", "stored")


@pytest.mark.parametrize("pick", ["best", "knee", "fastest", "smallest", "2"])
def test_a_pick_is_drawn_as_text_and_as_a_picture(shown: Run, pick: str) -> None:
    result = CliRunner().invoke(cli, ["show", "shown-1", "--pick", pick])
    assert result.exit_code == 0
    member = shown.pick(pick)
    assert member.text in result.stdout
    assert "head.linear" in result.stdout
    assert f'run.network("{pick}")' in result.stdout
    path = shown.directory.path / "plots" / f"{pick}.png"
    assert f"picture: {path}" in result.stdout
    with Image.open(path) as image:
        assert image.format == "PNG"


def test_a_pick_as_json(shown: Run) -> None:
    result = CliRunner().invoke(cli, ["show", "--pick", "knee", "--json", "--png", "knee.png"])
    document = json.loads(result.stdout)
    member = shown.pick("knee")
    plan = shown.plan(member)
    assert (document["number"], document["genotype"]) == (member.number, member.text)
    assert [block["name"] for block in document["blocks"]] == [block.name for block in plan.blocks]
    assert sum(block["params"] for block in document["blocks"]) == document["params"] == plan.params()
    assert sum(block["macs"] for block in document["blocks"]) == document["macs"] == plan.macs()
    assert "knee" in document["picked_as"]
    assert Path("knee.png").is_file()
    assert not (shown.directory.path / "plots").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--pick", "nicest"], "choose best, knee, fastest, smallest, or a number from 1 to"),
        (["--pick", "0"], "no member '0' in the front"),
        (["--pick", "999"], "no member '999' in the front"),
        (["--pick", "best", "--png", "none/best.png"], "none/best.png: cannot be written"),
    ],
)
def test_a_wrong_pick_is_one_line(shown: Run, arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(cli, ["show", "shown-1", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("coernas: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["some/where"]])
def test_no_run_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["show", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("coernas: ")
    assert result.stderr.count("\n") == 1


def test_a_picture_needs_a_pick(shown: Run) -> None:
    result = CliRunner().invoke(cli, ["show", "--png", "x.png"])
    assert result.exit_code == 2
    assert "--pick" in result.stderr
    assert not Path("x.png").exists()
