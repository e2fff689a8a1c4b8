"""From a problem to its table: search once, train everyone alike, measure latencies in turns.

Seed s trains and judges on the division of the images that `train.split_seed` + s draws, s = 1, 2, ...; the division of
`train.split_seed` itself is left for choosing recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from coernas_moo.benchmarks.pipeline.contestants import Contestant, contestants
from coernas_moo.benchmarks.pipeline.judging import Judgement, Truth, read_predictions
from coernas_moo.benchmarks.pipeline.repetitions import Repetition, repetitions, warnings_of
from coernas_moo.benchmarks.pipeline.speed import ROUNDS, Speed, speeds_in_turns
from coernas_moo.benchmarks.pipeline.training import OnModel, Say, train_all
from coernas_moo.config import ProblemFile
from coernas_moo.networks.known import BASELINES
from coernas_moo.search.loop import run_search
from coernas_moo.search.progress import Listener
from coernas_moo.search.run import Run, check_pick
from coernas_moo.search.run_directory import MODELS, RunDirectory
from coernas_moo.training.assess import Metrics
from coernas_moo.training.data import TrainingData
from coernas_moo.training.model import build_module, load_model
from coernas_moo.training.session import spec_of_baseline

SEARCH = "search"
"""What stands for the search among the names of what is made anew."""


@dataclass(frozen=True)
class Entry:
    """One network of the table.

    Args:
        name: that it was asked for by.
        aliases: other picks that are the same network.
        searched: whether a search found it.
        metrics: one a repetition.
        speed: measured in turns with all others.
    """

    name: str
    aliases: tuple[str, ...]
    searched: bool
    metrics: tuple[Metrics, ...]
    speed: Speed

    @property
    def label(self) -> str:
        """All its names."""
        return ", ".join((self.name, *self.aliases))


@dataclass(frozen=True)
class PipelineTable:
    """What the page shows.

    Args:
        problem: that was searched, and whose recipe all were trained with.
        entries: picks first.
        repetitions: seeds and divisions that all were trained with.
        run: the search.
        judgement: of all entries' predictions, by their names.
        workers: trainings at once.
    """

    problem: ProblemFile
    entries: tuple[Entry, ...]
    repetitions: tuple[Repetition, ...]
    run: Run
    judgement: Judgement
    workers: int

    @property
    def data(self) -> TrainingData:
        """The images as the first repetition divides them: for what all have in common, as classes and shape."""
        return self.repetitions[0].data

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of the images and their divisions, each once."""
        return warnings_of(self.repetitions)


@dataclass(frozen=True)
class PipelineSettings:
    """What is compared, and how.

    Args:
        picks: of the front, as in `Run.pick`.
        models: well-known networks; by default all of `BASELINES`.
        seeds: number of trainings of each, with seeds 1, 2, ..., each on a division of its own (`repetitions`).
        workers: trainings at once.
        device: that they run on; latency is that of the CPU anyway.
        again: names of networks that are trained anew, and `search` where the search is made anew.
        rounds: of the latency measurement.
        round_seconds: that a network is timed in a round.
    """

    picks: Sequence[str] = ("best", "knee")
    models: Sequence[str] = field(default_factory=lambda: tuple(BASELINES))
    seeds: int = 3
    workers: int = 1
    device: str = "cpu"
    again: Sequence[str] = ()
    rounds: int = ROUNDS
    round_seconds: float = 0.5


def pipeline_table(
    problem: ProblemFile,
    folder: Path,
    settings: PipelineSettings,
    *,
    listener: Listener | None = None,
    on_run: Callable[[Run], None] | None = None,
    on_model: OnModel | None = None,
    say: Say | None = None,
    warn: Say | None = None,
) -> PipelineTable:
    """Search, train and measure; called again, it goes on where it was cut off.

    Args:
        problem: with images; its search is made once, with its own seed.
        folder: the run's directory, which gets `models/` as by `coernas train`.
        settings: what is compared.
        listener: told about the search.
        on_run: given the finished search.
        on_model: told about every model that is done.
        say: prints one line about a training; called in worker processes.
        warn: given each of the table's `warnings` once, before anything is searched.

    Raises:
        CoernasError: the problem, the data or the folder cannot be used, or a training fails.
    """
    # What cannot be picked, divided or built is said before minutes of searching and training.
    for which in settings.picks:
        check_pick(which)
    repeated = repetitions(problem, settings.seeds)
    if warn is not None:
        for message in warnings_of(repeated):
            warn(message)
    for model in settings.models:
        build_module(spec_of_baseline(model, repeated[0].data, name=model, seed=1, problem=problem))
    again = [name for name in settings.again if name != SEARCH]
    if SEARCH in settings.again and RunDirectory(folder).exists():
        RunDirectory(folder).forget()
    run = run_search(problem, folder, resume=True, listener=listener)
    if on_run is not None:
        on_run(run)
    compared = contestants(run, settings.picks, settings.models, repeated)
    models = folder / MODELS
    found = train_all(
        compared,
        {one.seed: one.data for one in repeated},
        models,
        workers=settings.workers,
        device=settings.device,
        again=again,
        on_model=on_model,
        say=say,
    )
    speeds = speeds_in_turns(
        {one.name: _loader(models / one.specs[0].name) for one in compared},
        repeated[0].data.shape,
        rounds=settings.rounds,
        seconds=settings.round_seconds,
    )
    return PipelineTable(
        problem=problem,
        entries=tuple(
            Entry(one.name, one.aliases, one.searched, tuple(found[one.name]), speeds[one.name]) for one in compared
        ),
        repetitions=repeated,
        run=run,
        judgement=_judgement(compared, models, repeated),
        workers=settings.workers,
    )


def _loader(directory: Path) -> Callable[[], nn.Module]:
    return lambda: load_model(directory).module


def _judgement(compared: Sequence[Contestant], models: Path, repeated: Sequence[Repetition]) -> Judgement:
    classes = repeated[0].data.classes
    tests = [Truth(one.data.test.names, one.data.test.labels.numpy()) for one in repeated]
    predicted = {
        one.name: [
            read_predictions(models / spec.name, test, classes) for spec, test in zip(one.specs, tests, strict=True)
        ]
        for one in compared
    }
    return Judgement(tests, predicted, len(classes))


def raw_rows(table: PipelineTable) -> list[Mapping[str, object]]:
    """One row a network and repetition, in full precision; shares are shares, not per cent."""
    return [
        {
            "model": entry.label,
            "seed": metrics.seed,
            "split_seed": repetition.problem.train.split_seed,
            "network": metrics.network,
            "params": metrics.params,
            "macs": metrics.macs,
            "latency_ms": entry.speed.median_ms,
            "latency_lowest_ms": entry.speed.lowest_ms,
            "latency_highest_ms": entry.speed.highest_ms,
            **{name: getattr(metrics.test, name) for name in MEASURES},
            "validation_accuracy": metrics.validation.accuracy if metrics.validation else None,
            "validation_kappa": metrics.validation.kappa if metrics.validation else None,
            "epochs": metrics.epochs,
            "best_epoch": metrics.best_epoch,
            "training_seconds": metrics.training_seconds,
            "search_seconds": table.run.state.seconds if entry.searched else None,
        }
        for entry in table.entries
        for metrics, repetition in zip(entry.metrics, table.repetitions, strict=True)
    ]


MEASURES = (
    "accuracy",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "kappa",
    "ece",
    "loss",
)
"""Measures on the test part that are kept for every model."""
