"""`coernas runs`: the runs in a folder."""

from __future__ import annotations

import csv
import math
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec

from coernas_moo.errors import RunError
from coernas_moo.files import lock_exclusively

from .errors import one_line
from .names import RUNS, run_names
from .output import print_json, print_table, table_of


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=RUNS)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER (default: results/runs), oldest first.

    \b
    Example:
      coernas runs --json
    """
    if folder != RUNS and not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give the folder that holds the runs")
    begun = {name: (folder / name / "problem.toml").stat().st_mtime for name in run_names(folder)}
    rows = [summary(folder / name) for name in sorted(begun, key=lambda name: (begun[name], name))]
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


class _State(msgspec.Struct):
    """What is shown of `state.json`."""

    status: str
    reason: str
    generation: int
    evaluations: int
    seconds: float


def summary(run: Path) -> dict[str, Any]:
    """One run in short: counts as of its last state, front and best of its last whole generation.

    Read from its small files, not from its journal. The status of a run that was killed is `killed`; of one that
    cannot be read, `unreadable`; `not begun` is one that was cut off before its first state.
    """
    row: dict[str, Any] = {"run": run.name, "path": str(run), "problem": "", "reason": ""}
    row |= dict.fromkeys(("generations", "evaluations", "front", "best", "seconds"))
    try:
        row["problem"] = str(tomllib.loads((run / "problem.toml").read_text(encoding="utf-8"))["name"])
        if not (run / "state.json").exists():
            return {**row, "status": "starting" if _busy(run / "lock") else "not begun"}
        state = msgspec.json.decode((run / "state.json").read_bytes(), type=_State)
        last = _last_generation(run / "history.csv")
        best, front = (float(last["best"]), int(float(last["front"]))) if last else (math.nan, None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {**row, "status": "unreadable", "reason": one_line(f"{type(error).__name__}: {error}")}
    status = "killed" if state.status == "running" and not _busy(run / "lock") else state.status
    row |= {"status": status, "reason": state.reason, "seconds": state.seconds}
    row |= {"generations": state.generation, "evaluations": state.evaluations}
    row |= {"front": front, "best": None if math.isnan(best) else best}
    return row


def _last_generation(history: Path) -> dict[str, str]:
    """The last row of `history.csv`; empty where there is none yet."""
    if not history.exists():
        return {}
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows[-1] if rows else {}


def _busy(lock: Path) -> bool:
    """Whether a search holds the run; where that cannot be found out, it is left at what the run says of itself."""
    try:
        with lock.open("r+", encoding="utf-8") as file:
            lock_exclusively(file.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
