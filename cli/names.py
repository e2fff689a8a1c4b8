"""Arguments that name a problem or a run, completed by the shell."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from coernas_moo.errors import CoernasError
from coernas_moo.folders import is_comparison
from coernas_moo.shipped import shipped_problems

RUNS = Path("results/runs")
"""Where new runs land."""

LONGEST_NAME = 200
"""Bytes of a folder's name; file systems take 255, and some need a suffix of their own."""


def complete_problem(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of shipped problems that begin so; files and folders where none does."""
    # The paths come first, because bash forgets what stands before them.
    names = [CompletionItem(name) for name in problem_names() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs in `results/runs` that begin so; folders where none does."""
    names = [CompletionItem(name) for name in run_names(RUNS) if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="dir"), *names]


def problem_names() -> list[str]:
    """Names of the shipped problems."""
    return list(shipped_problems())


def run_names(folder: Path) -> list[str]:
    """Names of the runs in a folder, comparisons left out."""
    return sorted(path.parent.name for path in folder.glob("*/problem.toml") if not is_comparison(path.parent))


def require_folder_name(name: str) -> str:
    """The value of `--name` where it names one folder; what it names may be replaced, so it must not reach further.

    Raises:
        CoernasError: it is empty, a path, or cannot be a name.

    Example:
        >>> require_folder_name("knee")
        'knee'
        >>> require_folder_name("../knee")
        Traceback (most recent call last):
        ...
        coernas_moo.errors.CoernasError: --name ../knee: give a folder's name without / in it
    """
    if not name.strip() or not name.isprintable():
        raise CoernasError(f"--name {name!r}: give a folder's name that can be read")
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise CoernasError(f"--name {name[:20]}...: give a folder's name of at most {LONGEST_NAME} bytes")
    if Path(name).name != name or name in (".", ".."):
        raise CoernasError(f"--name {name}: give a folder's name without / in it")
    return name


def run_path(text: str) -> Path:
    """The folder that a run's path or name means.

    Example:
        >>> run_path("nowhere/run-1").as_posix(), run_path("no-such-run").as_posix()
        ('nowhere/run-1', 'results/runs/no-such-run')
    """
    path = Path(text)
    return path if path.exists() or len(path.parts) != 1 else RUNS / path
