"""`coernas bench baselines`, `table6`, `table7`: search, train, and hold against what one would take by hand."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from coernas_moo.files import make_folder

from .errors import Interrupted
from .names import RUNS, complete_problem
from .output import status_on_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coernas_moo.benchmarks.pipeline.make import PipelineTable
    from coernas_moo.reporting.pipeline_tables import PageText
    from coernas_moo.training.assess import Metrics

NOT_PRINTED = ("data", "out", "run", "workers", "again")
"""Options that change no number, and the place of the images: not part of the command on the page."""

MakeText = Callable[[str], "PageText"]


def _options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--pick", "picks", multiple=True, help="Of the front; repeatable.  [best, knee]"),
        click.option("--model", "models", multiple=True, help="Well-known network, timm:NAME; repeatable.  [all]"),
        click.option(
            "--seeds",
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="Trainings, each on a new division.",
        ),
        click.option("--epochs", type=int, help="Of every training, instead of the problem's."),
        click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Any key of the problem."),
        click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core."),
        click.option("--device", default="cpu", show_default=True, help="To train on; latency is the CPU's anyway."),
        click.option(
            "--again", multiple=True, metavar="NAME", help="Train this network anew, or 'search' anew; repeatable."
        ),
        click.option("--run", type=click.Path(path_type=Path), help="Run directory: the search and all models."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for the page, the CSV and the protocol."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("problem", shell_complete=complete_problem)
@click.option("--data", type=click.Path(path_type=Path), help="Images of the problem, where it names none.")
@_options
def baselines(problem: str, data: Path | None, **options: Any) -> None:
    """Search PROBLEM once, train picks and well-known networks alike, and write a table of both.

    Seeds 1, 2, ... train and test on random divisions of the images of their own: that of train.split_seed plus the
    seed. A test part that the data brings stays as it is.

    Finished models are kept, and a call that was interrupted goes on. Nothing else should run when the latencies
    are measured, in the end.

    \b
    Examples:
      coernas bench baselines digits
      coernas bench baselines cifar10 --data path/to/cifar10 --set 'limits=["params <= 1e6"]'
    """
    from coernas_moo.reporting.pipeline_tables import PageText

    def text(command: str) -> PageText:
        return PageText("", "baselines", command)

    _make(problem, data, text, None, options)


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@_options
def table6(data: Path, **options: Any) -> None:
    """Steel defects (DATA, in X-SDD's layout) in place of the publication's welds; the same as `baselines xsdd`."""
    from coernas_moo.reporting.pipeline_texts import table6_text

    _make("xsdd", data, table6_text, "table6", options)


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@_options
def table7(data: Path, **options: Any) -> None:
    """Grades of retinopathy (DATA, in the layout of APTOS-2019); the same as `baselines aptos`."""
    from coernas_moo.reporting.pipeline_texts import table7_text

    _make("aptos", data, table7_text, "table7", options)


def _make(
    name: str,
    data: Path | None,
    make_text: MakeText,
    table_name: str | None,
    options: dict[str, Any],
) -> None:
    from coernas_moo.benchmarks.pipeline.make import PipelineSettings, pipeline_table
    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.reporting.exports import write_front
    from coernas_moo.reporting.live import PlainLines

    from .errors import warn
    from .search import read_problem, read_settings, with_data

    workers = options["workers"] or available_cores()
    overrides = {**read_settings(options["settings"]), "evaluation.workers": workers}
    if options["epochs"] is not None:
        overrides["train.epochs"] = options["epochs"]
    problem = with_data(read_problem(name, overrides), data)
    run = options["run"] or RUNS / (table_name or f"{problem.name}-baselines")
    out = options["out"] or Path("results") / (table_name or problem.name)
    text = make_text(_command(name))
    if table_name is None:
        text = replace(text, title=f"{problem.name}: what a search finds against what one would take by hand")
    make_folder(out)
    settings = PipelineSettings(
        seeds=options["seeds"], workers=workers, device=options["device"], again=options["again"]
    )
    if options["picks"]:
        settings = replace(settings, picks=options["picks"])
    if options["models"]:
        settings = replace(settings, models=options["models"])
    told = _each_once(warn)
    with _resumable(run):
        table = pipeline_table(
            problem,
            run,
            settings,
            listener=PlainLines(_say, told),
            on_run=write_front,
            on_model=lambda metrics, done, total, before: _model_line(run, metrics, done, total, before),
            say=_say,
            warn=told,
        )
    _write(table, text, out)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _each_once(warn: Callable[[str], None]) -> Callable[[str], None]:
    """The search warns of its images, and so do their divisions."""
    told: set[str] = set()

    def once(message: str) -> None:
        if message not in told:
            told.add(message)
            warn(message)

    return once


@contextmanager
def _resumable(run: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; go on by giving the same command again ({run})") from None


def _model_line(run: Path, metrics: Metrics, done: int, total: int, before: bool) -> None:
    from coernas_moo.reporting.format import duration, percent
    from coernas_moo.reporting.training_plots import write_training_pictures
    from coernas_moo.search.run_directory import MODELS

    if not before:
        write_training_pictures(metrics, run / MODELS / metrics.name)
    how = "was finished" if before else f"trained in {duration(metrics.training_seconds)}"
    _say(f"{done}/{total} {metrics.name}: test accuracy {percent(metrics.test.accuracy)}, {how}")


def _write(table: PipelineTable, text: PageText, out: Path) -> None:
    from coernas_moo.files import write_atomically
    from coernas_moo.reporting.pipeline_tables import pipeline_page, protocol_json, raw_csv

    with status_on_stderr("writing"):
        page = pipeline_page(table, text)
    write_atomically(out / f"{text.name}.csv", raw_csv(table))
    write_atomically(out / "protocol.json", protocol_json(table, text.command))
    write_atomically(out / f"{text.name}.md", page)
    click.echo(f"wrote {out / f'{text.name}.md'}")


def _command(problem: str) -> str:
    """The command as the page shows it: what was given and matters, the images by a placeholder."""
    ctx = click.get_current_context()
    words = ["coernas", "bench", str(ctx.info_name)]
    if "problem" in ctx.params:
        words.append(problem)
        words += ["--data", "path/to/images"] if ctx.params["data"] is not None else []
    else:
        words.append("path/to/images")
    for parameter in ctx.command.params:
        name = str(parameter.name)
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not isinstance(parameter, click.Option) or name in NOT_PRINTED or not given:
            continue
        value = ctx.params[name]
        for each in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0], shlex.quote(str(each))]
    return " ".join(words)
