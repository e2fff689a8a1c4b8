"""The run that a command is about: the one that is named, else the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coernas_moo.errors import RunError

from .names import RUNS, run_path

if TYPE_CHECKING:
    from coernas_moo.search.run import Run


def open_run(name: str | None) -> Run:
    """The run of that path or name, or the latest in `results/runs`.

    Raises:
        RunError: no run is there.
    """
    from coernas_moo.search.run import Run
    from coernas_moo.search.run_directory import runs_in

    if name is not None:
        return Run(run_path(name))
    runs = runs_in(RUNS)
    if not runs:
        raise RunError(f"no runs in {RUNS}; begin one with 'coernas search digits', or give the run's folder")
    return Run(runs[-1].path)
