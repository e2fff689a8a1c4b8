"""Every block of the README is run: problem files are read, commands succeed, Python executes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli

from coernas_moo.config import parse_problem
from coernas_moo.networks.units import UNITS
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.proxies import PROXIES

README = Path(__file__).parents[1] / "README.md"
CONTRIBUTING = README.with_name("CONTRIBUTING.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(path.read_text(encoding="utf-8")) if kind == language]


@pytest.fixture
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples register is gone afterwards."""
    for registry in (UNITS, OBJECTIVES, PROXIES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def test_problem_files_are_ten_lines_that_work(tmp_path: Path) -> None:
    (text,) = blocks(README, "toml")
    assert len([line for line in text.splitlines() if line]) <= 10
    assert parse_problem(text, "README", tmp_path).name == "digits-small"


def test_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits-small.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    lines = [line.removeprefix("$ ") for text in blocks(README, "console") for line in text.splitlines()]
    assert len(lines) >= 6
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "coernas"
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, (line, result.output)
    assert Path("results/runs/digits-small-1/front.png").is_file()
    assert Path("my-run/front.json").is_file()


@pytest.mark.usefixtures("own_registries")
def test_python_of_the_readme_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for text in blocks(README, "python"):
        exec(compile(text, str(README), "exec"), namespace)
    assert Path("my-own-parts/problem.toml").is_file()
    assert "blocks" in OBJECTIVES


@pytest.mark.usefixtures("own_registries")
def test_python_of_the_contribution_guide_runs() -> None:
    for text in blocks(CONTRIBUTING, "python"):
        exec(compile(text, str(CONTRIBUTING), "exec"), {})
    assert "conv7" in UNITS
    assert "input-gradient-norm" in PROXIES
