"""`coernas problems`: the problem files that come with the package."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import click

from coernas_moo.errors import ProblemFileError
from coernas_moo.shipped import shipped_problems

from .names import complete_problem
from .output import print_json, print_table, table_of


@click.command()
@click.argument("name", required=False, shell_complete=complete_problem)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the shipped problems; with NAME, print that problem's commented file to start your own from.

    \b
    Example:
      coernas problems digits > mine.toml
    """
    shipped = shipped_problems()
    if name is not None:
        if name not in shipped:
            raise ProblemFileError(f"no shipped problem is named {name!r}; there are {', '.join(shipped)}")
        click.echo(shipped[name], nl=False)
        return
    problems = {key: tomllib.loads(text) for key, text in shipped.items()}
    if as_json:
        print_json(
            [
                {
                    "name": key,
                    "description": problem["description"],
                    "objectives": problem["objectives"],
                    "needs_data": _needs_data(problem),
                }
                for key, problem in problems.items()
            ]
        )
        return
    table = table_of("problem", "description", "search it with")
    for key, problem in problems.items():
        data = " --data FOLDER" if _needs_data(problem) else ""
        table.add_row(key, problem["description"], f"coernas search {key}{data}")
    print_table(table)


def _needs_data(problem: Mapping[str, Any]) -> bool:
    """Shipped problems that read the user's images leave their path empty."""
    return bool(problem["data"].get("path") == "")
