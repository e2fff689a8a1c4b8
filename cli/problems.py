"""`coernas problems`: the problem files that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coernas_moo.errors import ProblemFileError

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile

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
    from coernas_moo.config import load_problem, shipped_problems

    shipped = shipped_problems()
    if name is not None:
        if name not in shipped:
            raise ProblemFileError(f"no shipped problem is named {name!r}; there are {', '.join(shipped)}")
        click.echo(shipped[name], nl=False)
        return
    problems = {key: load_problem(key) for key in shipped}
    if as_json:
        print_json(
            [
                {"name": key, "description": p.description, "objectives": p.objectives, "needs_data": _needs_data(p)}
                for key, p in problems.items()
            ]
        )
        return
    table = table_of("problem", "description", "search it with")
    for key, problem in problems.items():
        data = " --data FOLDER" if _needs_data(problem) else ""
        table.add_row(key, problem.description, f"coernas search {key}{data}")
    print_table(table)


def _needs_data(problem: ProblemFile) -> bool:
    return problem.data_settings.needs_path
