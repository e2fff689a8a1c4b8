"""What tests of commands share: calling them through click's runner, and what has to come of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result
from coernas_moo.cli.main import cli

THREAD = ("--threads", "1")
"""Of a training that need not share the cores of a test run."""


def coernas(*arguments: str | Path) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def good(*arguments: str | Path) -> Result:
    """The result of a command that must succeed."""
    result = coernas(*arguments)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: str | Path) -> str:
    """The one line of a command that must fail."""
    result = coernas(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("coernas: warning: ")]
    assert len(lines) == 1, result.output
    assert lines[0].startswith("coernas: ")
    return lines[0]
