"""`coernas search`: a problem in, a Pareto front out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coernas_moo.errors import CoernasError, ProblemFileError, RunError

from .errors import Interrupted, warn
from .names import RUNS, complete_problem, complete_run, problem_names, run_names, run_path
from .output import only_results_on_stdout, print_json

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile
    from coernas_moo.search.progress import Listener
    from coernas_moo.search.run import Run
    from coernas_moo.search.run_directory import State

KEYS = {
    "seed": "search.seed",
    "population": "search.population",
    "generations": "search.generations",
    "evaluations": "search.evaluations",
    "seconds": "search.seconds",
    "preset": "search.preset",
    "workers": "evaluation.workers",
}
"""Options that stand for a key of the problem file."""


@click.command()
@click.argument("problem", required=False, shell_complete=complete_problem)
@click.option("--data", type=click.Path(path_type=Path), help="Images to use: a folder with class folders, or a .csv.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    shell_complete=complete_run,
    help="Run directory; by default results/runs/NAME-N.",
)
@click.option("--preset", type=int, help="1 to 5: population, generations and rates; 4 is the shortest.")
@click.option("--seed", type=int, help="The same seed gives the same front.")
@click.option("--population", type=int, help="Candidates a generation.")
@click.option("--generations", type=int, help="Stop after so many generations.")
@click.option("--evaluations", type=int, help="Stop after so many candidates.")
@click.option("--seconds", type=float, help="Stop after so much time.")
@click.option("--workers", type=int, help="Worker processes; by default one a core.")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Any other key; repeatable.")
@click.option("--resume", is_flag=True, help="Continue the run in --out, or the latest one of the problem.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end, nothing else.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and the run directory.")
def command(
    problem: str | None,
    data: Path | None,
    out: Path | None,
    settings: tuple[str, ...],
    resume: bool,
    as_json: bool,
    quiet: bool,
    **numbers: float | None,
) -> None:
    """Search PROBLEM: the name of a shipped problem, a problem file, or a folder of images with one subfolder a class.

    \b
    Examples:
      coernas search digits
      coernas search photos/steel --seconds 120
      coernas search xsdd --data photos/steel --set 'limits=["params <= 100e3"]'
      coernas search --resume --out results/runs/digits-1 --generations 20
    """
    overrides = {KEYS[key]: value for key, value in numbers.items() if value is not None} | read_settings(settings)
    from coernas_moo.search.loop import run_search
    from coernas_moo.search.run_directory import RunDirectory, next_free

    if problem is None and not (resume and out):
        raise click.UsageError("name a problem, such as 'digits', or continue a run with --resume --out DIR")
    with only_results_on_stdout(as_json or quiet):
        directory, loaded = out, None
        if problem is not None:
            loaded = with_data(read_problem(problem, overrides), data)
            directory = directory or (_latest(loaded.name) if resume else next_free(RUNS, loaded.name))
        assert directory is not None
        if loaded is None:
            loaded = with_data(_of_run(directory, overrides), data)
        before = RunDirectory(directory).read_state() if resume and RunDirectory(directory).has_state() else None
        with _listener(as_json, quiet) as listener:
            try:
                run = run_search(loaded, directory, resume=resume, listener=listener)
            except KeyboardInterrupt:
                raise Interrupted(f"interrupted; continue with: coernas search --resume --out {directory}") from None
    _finish(run, before, as_json, quiet)


def read_problem(name: str, overrides: dict[str, object]) -> ProblemFile:
    """The problem that a shipped name, a TOML file, or images alone stand for.

    Raises:
        CoernasError: there is no such thing, or it cannot be used.
    """
    from coernas_moo.config import load_problem, parse_problem
    from coernas_moo.datasets.table import TABLE_SUFFIXES
    from coernas_moo.starter import starter_toml

    shipped, path = problem_names(), Path(name).expanduser()
    if name in shipped:
        return load_problem(name, overrides)
    run = run_path(name)
    if (run / "problem.toml").is_file() and (run / "state.json").is_file():
        raise ProblemFileError(
            f"{name} is a run, not a problem; continue it with: coernas search --resume --out {run}; search its "
            f"problem anew with: coernas search {run / 'problem.toml'}"
        )
    if path.is_dir() or path.suffix.lower() in TABLE_SUFFIXES:
        text = starter_toml(path, folder=str(overrides.get("data.images", "")))
        return parse_problem(text, name, Path.cwd(), overrides)
    if not path.exists():
        raise ProblemFileError(
            f"{name}: no such file or folder, and no shipped problem of that name; give a problem file (.toml), "
            f"a folder of images, or one of {', '.join(shipped)}"
        )
    return load_problem(path, overrides)


def with_data(problem: ProblemFile, path: Path | None) -> ProblemFile:
    """The problem on the images at `path`; one that came without image files gets settings guessed from the path."""
    from coernas_moo.datasets import ImageFileSettings, guess

    if path is None:
        return problem
    if isinstance(problem.data_settings, ImageFileSettings):
        return problem.with_data(path)
    settings = guess(path)
    return problem.with_data_settings(settings.kind, settings)


def read_settings(settings: tuple[str, ...]) -> dict[str, object]:
    from coernas_moo.config import parse_value

    read = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set {text}: write it as section.key=value, for example --set space.stages=3")
        read[key.strip()] = parse_value(value.strip())
    return read


def _latest(name: str) -> Path:
    """The run of a problem that was begun last."""
    from coernas_moo.search.run_directory import runs_in

    for run in reversed(runs_in(RUNS)):
        # A run that cannot be read is no reason not to continue another.
        with suppress(CoernasError):
            if run.read_problem().name == name:
                return run.path
    known = ", ".join(run_names(RUNS)) or "none"
    raise RunError(f"no run of problem {name!r} in {RUNS} to resume (runs there: {known}); leave out --resume")


def _of_run(directory: Path, overrides: dict[str, object]) -> ProblemFile:
    from coernas_moo.search.run_directory import RunDirectory

    return RunDirectory(directory).read_problem(overrides)


@contextmanager
def _listener(as_json: bool, quiet: bool) -> Iterator[Listener]:
    """Who shows the search: a live screen on a terminal, lines elsewhere, nobody where that is asked for."""
    from rich.console import Console

    from coernas_moo.reporting.live import LiveScreen, PlainLines, WarningsOnly
    from coernas_moo.search.progress import Listener

    console = Console(highlight=False, markup=False, emoji=False, stderr=as_json)
    if quiet:
        yield Listener()
    elif console.is_terminal:
        with LiveScreen(console, warn) as screen:
            yield screen
    else:
        yield WarningsOnly(warn) if as_json else PlainLines(click.echo, warn)


def _finish(run: Run, before: State | None, as_json: bool, quiet: bool) -> None:
    """Write the front beside the run, and say what came out and what to type next."""
    from coernas_moo.reporting.exports import write_front
    from coernas_moo.reporting.search_summary import search_lines
    from coernas_moo.reporting.show_document import run_document

    write_front(run)
    if as_json:
        print_json(run_document(run))
    elif quiet:
        click.echo(str(run.directory.path))
    else:
        finished = before is not None and before.status == "finished" and before.evaluations == run.state.evaluations
        for line in search_lines(run, nothing_new=finished):
            click.echo(line)
