"""`coernas refine`: the leaders of a run, a little trained; the best of them gets the whole recipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coernas_moo.errors import CoernasError, ProblemFileError

from .errors import Interrupted, warn
from .latest import open_run
from .names import complete_run, require_folder_name
from .output import only_results_on_stdout, print_json, print_table, status_on_stderr
from .seeds import SEED

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile
    from coernas_moo.refinement.course import RefineListener
    from coernas_moo.refinement.document import RefineDocument
    from coernas_moo.search.run import Run


@click.command()
@click.argument("run_name", metavar="[RUN]", required=False, shell_complete=complete_run)
@click.option("--budget", help="Time of the comparison: 10m, 600s, 1h30m, or seconds.  [10m]")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of all candidates together, instead of --budget.")
@click.option("--candidates", type=click.IntRange(min=1), default=20, show_default=True, help="To begin with.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the images are, if not where they were.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all trainings.")
@click.option("--set", "settings", multiple=True, metavar="train.KEY=VALUE", help="Of the recipe; repeatable.")
@click.option("--name", default="refined", show_default=True, help="Of RUN/refine/NAME and RUN/models/NAME.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or a GPU if there is one.")
@click.option("--table", type=click.Path(path_type=Path), help="NAS-Bench-201: read this table instead of training.")
@click.option("--dataset", default="cifar10", show_default=True, help="Of the table.")
@click.option("--anew", is_flag=True, help="Replace a refinement and a model of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end, nothing else.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and the directories.")
def command(
    run_name: str | None,
    budget: str | None,
    epochs: int | None,
    candidates: int,
    data: Path | None,
    seed: int,
    settings: tuple[str, ...],
    name: str,
    workers: int | None,
    device: str,
    table: Path | None,
    dataset: str,
    anew: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the leaders of RUN a little, by successive halving, and the best of them for the whole recipe.

    Candidates are the front's best by score and the best of the whole archive. All are trained shortly, the better
    half by validation accuracy (whatever train.select says) goes on twice as long, and so on; differences that the
    validation images cannot tell are decided by the score. The one that is left is trained to the end and judged on
    the test part.

    --budget is the time of the comparison; the winner's own training comes on top. Time is an estimate: a measured
    speed makes a plan, which is written down and kept when the call is repeated after an interruption. --epochs is
    exact: the same seed gives the same result anywhere, whatever the number of workers.

    A run of the NAS-Bench-201 space that has no images reads accuracies from the table: 12 epochs for all candidates,
    200 for the last five.

    \b
    Examples:
      coernas refine
      coernas refine digits-1 --budget 10m
      coernas refine xsdd-1 --epochs 200 --set train.validation_share=0.1
    """
    from coernas_moo.refinement.budget import seconds_of

    if budget is not None and epochs is not None:
        raise click.UsageError("--budget is time, --epochs the same in epochs: give one of them")
    require_folder_name(name)
    seconds = seconds_of("10m" if budget is None else budget)
    with only_results_on_stdout(as_json or quiet):
        run, problem = _problem(run_name, settings, data)
    if table is not None or _has_only_a_table(run, problem):
        unread = [f"--{name}" for name in ("epochs", "seed", "set", "workers", "device") if _is_given(name)]
        if unread:
            warn(f"{', '.join(unread)}: not read, since accuracies come from the table")
        _refine_on_table(run, table, dataset, name, candidates, anew, as_json, quiet)
    else:
        _refine(run, problem, seconds, epochs, candidates, seed, name, workers, device, anew, as_json, quiet)


def _problem(name: str | None, settings: tuple[str, ...], data: Path | None) -> tuple[Run, ProblemFile]:
    from .search import read_settings, with_data

    overrides = read_settings(settings)
    for key in overrides:
        if not key.startswith("train."):
            raise ProblemFileError(f"--set {key}: a run is refined as it was searched; only keys of train can be set")
    run = open_run(name)
    return run, with_data(run.directory.read_problem(overrides), data)


def _is_given(option: str) -> bool:
    parameter = {"set": "settings"}.get(option, option)
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE


def _has_only_a_table(run: Run, problem: ProblemFile) -> bool:
    from coernas_moo.refinement.on_table import is_table_space

    return problem.data.get("kind") == "noise" and is_table_space(run)


def _refine(
    run: Run,
    problem: ProblemFile,
    seconds: float,
    epochs: int | None,
    candidates: int,
    seed: int,
    name: str,
    workers: int | None,
    device: str,
    anew: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    import msgspec

    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.refinement.planning import Request
    from coernas_moo.refinement.session import refine
    from coernas_moo.reporting.training_plots import write_training_pictures

    from .train import open_images, print_trained, training_listener

    request = Request(name, candidates, None if epochs is not None else seconds, epochs, seed)
    try:
        with only_results_on_stdout(as_json or quiet):
            with status_on_stderr("reading the images"):
                images = open_images(problem, run)
            with _screen(as_json, quiet) as listener, training_listener(as_json, quiet) as training:
                refined = refine(
                    run,
                    problem,
                    images,
                    request,
                    anew=anew,
                    workers=workers or available_cores(),
                    device=device,
                    listener=listener,
                    training=training,
                )
    except KeyboardInterrupt:
        raise Interrupted("interrupted; go on by giving the same command again") from None
    write_training_pictures(refined.session.metrics, refined.session.directory)
    if as_json:
        model = {"directory": str(refined.session.directory), **msgspec.to_builtins(refined.session.metrics)}
        print_json({**msgspec.to_builtins(refined.document), "directory": str(refined.directory), "model": model})
        return
    if quiet:
        click.echo(str(refined.directory))
        click.echo(str(refined.session.directory))
        return
    _print_candidates(refined.document)
    print_trained([refined.session], as_json, quiet)
    click.echo(f"refinement: {refined.directory}")
    if len(refined.document.candidates) < candidates and refined.document.rungs:
        warn(f"{len(refined.document.candidates)} candidates instead of {candidates}: there were no more, or the "
             "budget did not pay for them")  # fmt: skip


def _refine_on_table(
    run: Run, table: Path | None, dataset: str, name: str, candidates: int, anew: bool, as_json: bool, quiet: bool
) -> None:
    import msgspec

    from coernas_moo.evaluation.tabular import TabularBenchmark
    from coernas_moo.refinement.on_table import is_table_space, refine_on_table
    from coernas_moo.reporting.format import percent
    from coernas_moo.reporting.refine_view import plan_text

    if not is_table_space(run):
        raise CoernasError(
            f"--table: {run.directory.path} is no run of the table's space ([space] kind = 'nasbench201' with "
            "channels = 16 and cells = 5); leave --table out to train its candidates"
        )
    document, directory = refine_on_table(
        run, TabularBenchmark.load(table), dataset=dataset, name=name, candidates=candidates, anew=anew
    )
    if as_json:
        print_json({**msgspec.to_builtins(document), "directory": str(directory)})
        return
    if quiet:
        click.echo(str(directory))
        return
    click.echo(f"plan        {plan_text(document)}")
    _print_candidates(document)
    assert document.before is not None
    assert document.after is not None
    click.echo(
        f"test accuracy on {dataset}: {percent(document.before)} before (the best score), "
        f"{percent(document.after)} after"
    )
    click.echo(f"refinement: {directory}")


@contextmanager
def _screen(as_json: bool, quiet: bool) -> Iterator[RefineListener]:
    from rich.console import Console

    from coernas_moo.refinement.course import RefineListener
    from coernas_moo.reporting.refine_view import RefineLines, RefineScreen

    console = Console(highlight=False, markup=False, emoji=False, stderr=as_json)
    if quiet or (as_json and not console.is_terminal):
        yield RefineListener()
    elif console.is_terminal:
        with RefineScreen(console, warn) as screen:
            yield screen
    else:
        yield RefineLines(click.echo, warn)


def _print_candidates(document: RefineDocument) -> None:
    from coernas_moo.reporting.refine_view import refine_table

    click.echo("")
    print_table(refine_table(document))
