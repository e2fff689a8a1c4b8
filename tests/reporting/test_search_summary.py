"""The lines that a search ends with."""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec import structs

from coernas_moo.reporting.search_summary import search_lines
from coernas_moo.search.run import Run


def commands(run: Run) -> list[list[str]]:
    return [shlex.split(line) for line in search_lines(run) if line.startswith("  coernas ")]


def test_commands_can_be_typed_as_they_stand(front_run: Run, tmp_path: Path) -> None:
    link = tmp_path / "my <run>"
    link.symlink_to(front_run.directory.path.resolve())
    for command in commands(Run(link)):
        assert command[2] == str(link)


def test_training_is_proposed_where_there_are_images(front_run: Run) -> None:
    # Gaussian noise cannot be trained on.
    assert "train" not in {command[1] for command in commands(front_run)}
    run = Run(front_run.directory.path)
    run.problem = structs.replace(run.problem, data={"kind": "digits"})
    assert commands(run)[-1][1] == "train"
