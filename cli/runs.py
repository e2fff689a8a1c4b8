"""`coernas runs`: the runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coernas_moo.errors import CoernasError, RunError

from .names import RUNS
from .output import print_json, print_table, table_of

if TYPE_CHECKING:
    from coernas_moo.search.run_directory import RunDirectory


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=RUNS)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER (default: results/runs), oldest first.

    \b
    Example:
      coernas runs --json
    """
    from coernas_moo.search.run_directory import runs_in

    if folder != RUNS and not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give the folder that holds the runs")
    rows = [summary(directory) for directory in runs_in(folder)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(f"no runs in {folder}; begin one with: coernas search digits")
        return
    numbers = ("gen.", "evals", "front", "best", "seconds")
    table = table_of("run", "problem", "status", *numbers, right=numbers)
    for row in rows:
        best = "" if row["best"] is None else f"{row['best']:.4g}"
        table.add_row(
            row["run"],
            row["problem"],
            row["status"],
            *(_number(row[key]) for key in ("generations", "evaluations", "front")),
            best,
            _number(row["seconds"], 1),
        )
    print_table(table)


def summary(directory: RunDirectory) -> dict[str, Any]:
    """One run in short: counts as of its last state, front and best of its last whole generation.

    The status of a run that was killed is `killed`; of one that cannot be read, `unreadable`.
    """
    from coernas_moo.search.history import read_history

    row: dict[str, Any] = {"run": directory.path.name, "path": str(directory.path), "problem": "", "reason": ""}
    row |= dict.fromkeys(("generations", "evaluations", "front", "best", "seconds"))
    try:
        row["problem"] = directory.read_problem().name
        state = directory.read_state()
    except CoernasError as error:
        return {**row, "status": "unreadable", "reason": str(error)}
    status = "killed" if state.status == "running" and not _busy(directory) else state.status
    row |= {"status": status, "reason": state.reason, "seconds": state.seconds}
    row |= {"generations": state.generation, "evaluations": state.evaluations}
    history = read_history(directory.history) if directory.history.exists() else []
    if history:
        row |= {"front": int(history[-1]["front"]), "best": history[-1]["best"]}
    return row


def _busy(directory: RunDirectory) -> bool:
    try:
        with directory.lock():
            return False
    except RunError:
        return True


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
