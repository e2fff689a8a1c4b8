"""`coernas train`: picks of a run, or well-known networks, trained, measured and kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coernas_moo.errors import CoernasError, ProblemFileError

from .errors import Interrupted, warn
from .latest import open_run
from .names import RUNS, complete_run, problem_names, require_folder_name, run_path
from .output import only_results_on_stdout, print_json, print_table, status_on_stderr, table_of
from .seeds import SEED

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile
    from coernas_moo.search.run import Run
    from coernas_moo.training import TrainingData, TrainingListener
    from coernas_moo.training.session import Session
    from coernas_moo.training.spec import ModelSpec

KEYS = {
    "epochs": "train.epochs",
    "batch": "train.batch",
    "learning_rate": "train.learning_rate",
    "augment": "train.augment",
    "group_by": "train.group_by",
    "class_weights": "train.class_weights",
    "patience": "train.patience",
}
"""Options that stand for a key of the problem file."""


@click.command()
@click.argument("source", metavar="[RUN | PROBLEM]", required=False, shell_complete=complete_run)
@click.option("--pick", "picks", multiple=True, help="best, knee, fastest, smallest, or a number; repeatable.  [knee]")
@click.option("--model", "models", multiple=True, help="A well-known network instead, or timm:NAME; repeatable.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the images are, if not where they were.")
@click.option("--epochs", type=int, help="Passes over the training images.")
@click.option("--batch", type=int, help="Images a step.")
@click.option("--learning-rate", type=float, help="The highest of the schedule.")
@click.option("--augment", help="none, digits, photo or surface.")
@click.option("--group-by", metavar="REGEX", help="Images whose names agree in it stay on one side of the split.")
@click.option("--class-weights", help="none, sqrt or balanced: how much more a rare class counts.")
@click.option("--patience", type=int, help="Stop after so many epochs without a better validation result; 0: never.")
@click.option("--ordinal", is_flag=True, help="The classes are grades in order: report quadratic kappa.")
@click.option("--seed", "seeds", type=SEED, multiple=True, help="Repeatable: one model each.  [0]")
@click.option("--set", "settings", multiple=True, metavar="train.KEY=VALUE", help="Any other key; repeatable.")
@click.option("--name", help="Of the model's folder; by default the pick or the network.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder that gets models/NAME; by default the run's.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, or a GPU if there is one.")
@click.option("--threads", type=click.IntRange(min=1), help="Of torch; by default OMP_NUM_THREADS, or one a core.")
@click.option("--anew", is_flag=True, help="Replace a model of that name.")
@click.option("--list", "list_models", is_flag=True, help="List the well-known networks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end, nothing else.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and the models' directories.")
def command(
    source: str | None,
    picks: tuple[str, ...],
    models: tuple[str, ...],
    data: Path | None,
    ordinal: bool,
    seeds: tuple[int, ...],
    settings: tuple[str, ...],
    name: str | None,
    out: Path | None,
    device: str,
    threads: int | None,
    anew: bool,
    list_models: bool,
    as_json: bool,
    quiet: bool,
    **options: object,
) -> None:
    """Train networks of a RUN's front at full size, and judge them on images that no training has seen.

    With --model, train well-known networks on the same images with the same recipe: those of a RUN, of a PROBLEM, or
    of a folder. What was cut off goes on when it is called again; what is finished is only shown.

    \b
    Examples:
      coernas train
      coernas train xsdd-1 --pick knee --pick best --seed 0 --seed 1 --seed 2
      coernas train xsdd-1 --model resnet18
      coernas train --model plain-cnn digits --epochs 10
    """
    from .search import read_settings

    if list_models:
        _print_models(as_json)
        return
    overrides = {KEYS[key]: value for key, value in options.items() if value is not None} | read_settings(settings)
    if ordinal:
        overrides["data.ordinal"] = True
    if models and picks:
        raise click.UsageError("--pick takes a network from a run's front, --model another one: give one of them")
    wanted = tuple(dict.fromkeys(models or picks)) or ("knee",)
    seeds = tuple(dict.fromkeys(seeds)) or (0,)
    if name is not None and len(wanted) * len(seeds) > 1:
        raise click.UsageError("--name names one model, and these are several")
    if name is not None:
        require_folder_name(name)
    with only_results_on_stdout(as_json or quiet):
        run, problem = _source(source, bool(models), data, overrides)
        with status_on_stderr("reading the images"):
            training_data = open_images(problem, run)
        specs = [
            _spec(one, bool(models), run, problem, training_data, _name(one, seed) if name is None else name, seed)
            for one in wanted
            for seed in seeds
        ]
        folder = (out or (run.directory.path if run else RUNS / f"{problem.name}-baselines")) / "models"
        with training_listener(as_json, quiet) as listener:
            sessions = list(_train_all(specs, training_data, folder, anew, device, threads, listener))
    print_trained(sessions, as_json, quiet)


def _source(
    source: str | None, any_problem: bool, data: Path | None, overrides: dict[str, object]
) -> tuple[Run | None, ProblemFile]:
    """The run, if there is one, and the problem with what was set on top."""

    from .search import read_problem, with_data

    is_run = source is None or (run_path(source) / "state.json").is_file()
    if any_problem and source is not None and not is_run:
        return None, with_data(read_problem(source, overrides), data)
    for key in overrides:
        if not key.startswith("train.") and key != "data.ordinal":
            raise ProblemFileError(f"--set {key}: a run is trained as it was searched; only keys of train can be set")
    if source is not None and not is_run and _is_problem(source):
        raise CoernasError(
            f"{source} is no run; search it first, with: coernas search {shlex.quote(source)}, or train well-known "
            "networks on its images with --model"
        )
    run = open_run(source)
    return run, with_data(run.directory.read_problem(overrides), data)


def _is_problem(source: str) -> bool:
    """Whether a search can begin with it: a shipped problem, a file, or images; not what an earlier run left."""
    return source in problem_names() or (Path(source).exists() and not (run_path(source) / "problem.toml").exists())


def open_images(problem: ProblemFile, run: Run | None) -> TrainingData:
    from coernas_moo.datasets.of_problem import open_data
    from coernas_moo.search.run_directory import require_same_data
    from coernas_moo.training.data import prepare

    dataset = open_data(problem)
    if run is not None:
        require_same_data(run.state, dataset.info, run.directory.path)
    return prepare(dataset, problem.train, ordinal=bool(problem.data.get("ordinal", False)))


def _name(pick: str, seed: int) -> str:
    """A folder's name: the pick, and the seed where it is not the first."""
    name = pick.replace(":", "-").replace("/", "-")
    return f"{name}-seed{seed}" if seed else name


def _spec(
    what: str, baseline: bool, run: Run | None, problem: ProblemFile, data: TrainingData, name: str, seed: int
) -> ModelSpec:
    from coernas_moo.training.session import spec_of_baseline, spec_of_pick

    if baseline:
        return spec_of_baseline(what, data, name=name, seed=seed, problem=problem)
    assert run is not None
    return spec_of_pick(run, what, data, name=name, seed=seed, problem=problem)


def _train_all(
    specs: Sequence[ModelSpec],
    data: TrainingData,
    folder: Path,
    anew: bool,
    device: str,
    threads: int | None,
    listener: TrainingListener,
) -> Iterator[Session]:
    from coernas_moo.reporting.training_plots import PICTURES, write_training_pictures
    from coernas_moo.training.model import build_module
    from coernas_moo.training.session import train_model

    # Every network has to be known and buildable before the first is trained for minutes.
    for spec in specs:
        build_module(spec)
    known: dict[tuple[str, int], str] = {}
    for spec in specs:
        same = known.setdefault((spec.network_text, spec.seed), spec.name)
        if same != spec.name:
            warn(f"{spec.name} is the same network as {same} and is not trained twice")
            continue
        directory = folder / spec.name
        try:
            session = train_model(spec, data, directory, anew=anew, device=device, threads=threads, listener=listener)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted; go on by giving the same command again ({directory})") from None
        if not (session.was_finished and all((directory / picture).is_file() for picture in PICTURES)):
            write_training_pictures(session.metrics, directory)
        yield session


@contextmanager
def training_listener(as_json: bool, quiet: bool) -> Iterator[TrainingListener]:
    """Who shows the training: a live screen on a terminal, lines elsewhere, nobody where that is asked for."""
    from rich.console import Console

    from coernas_moo.reporting.training_live import TrainingLines, TrainingScreen, TrainingWarnings
    from coernas_moo.training.progress import TrainingListener

    console = Console(highlight=False, markup=False, emoji=False, stderr=as_json)
    if quiet:
        yield TrainingListener()
    elif console.is_terminal:
        with TrainingScreen(console, warn) as screen:
            yield screen
    else:
        yield TrainingWarnings(warn) if as_json else TrainingLines(click.echo, warn)


def print_trained(sessions: Sequence[Session], as_json: bool, quiet: bool) -> None:
    import msgspec

    from coernas_moo.reporting.training_view import class_rows, measure_rows, metrics_columns, metrics_row, seed_lines

    if as_json:
        print_json([{"directory": str(done.directory), **msgspec.to_builtins(done.metrics)} for done in sessions])
        return
    if quiet:
        for done in sessions:
            click.echo(str(done.directory))
        return
    found = [done.metrics for done in sessions]
    click.echo("")
    if len(found) > 1:
        columns = metrics_columns(found)
        listing = table_of("model", *columns, right=columns, title="on the test part")
        for metrics in found:
            listing.add_row(*metrics_row(metrics, "kappa" in columns))
    else:
        listing = table_of(found[0].name, "on the test part", "95 %", right=("on the test part", "95 %"))
        for row in measure_rows(found[0]):
            listing.add_row(*row)
    print_table(listing)
    if len(found) == 1:
        numbers = ("images", "precision", "recall", "F1")
        classes = table_of("class", *numbers, right=numbers)
        for cells in class_rows(found[0].test):
            classes.add_row(*cells)
        print_table(classes)
    for line in seed_lines(found):
        click.echo(line)
    for done in sessions:
        click.echo(f"{'was finished already' if done.was_finished else 'saved'}: {done.directory}")


def _print_models(as_json: bool) -> None:
    from coernas_moo.networks.known import BASELINES
    from coernas_moo.networks.layers import Shape

    shape = Shape(3, 64, 64)
    rows = [(name, BASELINES[name].label, BASELINES[name](shape, 10)) for name in BASELINES]
    if as_json:
        print_json([{"name": n, "label": label, "params": p.params(), "macs": p.macs()} for n, label, p in rows])
        return
    from coernas_moo.reporting import format as fmt

    listing = table_of("name", "network", "params", "MACs at 64x64", right=("params", "MACs at 64x64"))
    for name, label, plan in rows:
        listing.add_row(name, label, fmt.value("params", plan.params()), fmt.value("macs", plan.macs()))
    print_table(listing)
    click.echo("and timm:NAME for every network of timm, where that is installed (coernas-moo[timm])")
