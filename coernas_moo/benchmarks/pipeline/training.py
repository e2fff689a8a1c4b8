"""Many trainings at once, one torch thread each; what is finished is skipped, what was cut off goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coernas_moo.benchmarks.pipeline.contestants import Contestant
from coernas_moo.errors import ModelError
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.training.assess import Metrics
from coernas_moo.training.data import TrainingData
from coernas_moo.training.model import build_module
from coernas_moo.training.progress import Epoch, TrainingListener
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.session import finished_metrics, train_model
from coernas_moo.training.spec import ModelSpec

LONGEST_TRAINING = 7 * 24 * 3600.0
"""Seconds after which a training is taken for hung."""

SECONDS_BETWEEN_LINES = 30.0

Say = Callable[[str], None]

OnModel = Callable[[Metrics, int, int, bool], None]
"""Given the measures of a model, how many are done of how many, and whether this one was finished before."""


def train_all(
    contestants: Sequence[Contestant],
    data: Mapping[int, TrainingData],
    folder: Path,
    *,
    workers: int,
    device: str = "cpu",
    again: Collection[str] = (),
    on_model: OnModel | None = None,
    say: Say | None = None,
) -> dict[str, list[Metrics]]:
    """Measures of every contestant, in the order of its seeds.

    Every training has one torch thread, so on a CPU the number of workers changes nothing but the time.

    Args:
        contestants: what to train.
        data: on what, by the seed of the training.
        folder: gets one folder a model, as `coernas train` makes it.
        workers: trainings at once.
        device: `cpu`, `cuda`, `cuda:N` or `auto`.
        again: names of contestants whose finished models are replaced.
        on_model: told about every model that is done.
        say: prints one line about a training; called in the workers, so a function of a module.

    Raises:
        ModelError: a model cannot be built or trained, or one of that name was trained otherwise.
    """
    known = [name for one in contestants for name in (one.name, *one.aliases)]
    for name in again:
        if name not in known:
            raise ModelError(f"--again {name}: no such network here; choose from {', '.join(known)}")
    jobs = []
    found: dict[str, Metrics] = {}
    for contestant in contestants:
        anew = bool({contestant.name, *contestant.aliases} & set(again))
        build_module(contestant.specs[0])
        for spec in contestant.specs:
            directory = folder / spec.name
            metrics = None if anew else _finished(spec, directory, contestant.name)
            if metrics is None:
                jobs.append(_Job(spec, directory, anew))
            else:
                found[spec.name] = metrics
    total = len(jobs) + len(found)
    if on_model is not None:
        for done, metrics in enumerate(found.values(), start=1):
            on_model(metrics, done, total, True)
    with WorkerPool(_Task(data, device, say), workers, timeout_seconds=LONGEST_TRAINING) as pool:
        for position, outcome in pool.run(jobs):
            name = jobs[position].spec.name
            if outcome.value is None:
                raise ModelError(f"training of {name} failed: {outcome.failure}; the others are kept")
            found[name] = outcome.value
            if on_model is not None:
                on_model(outcome.value, len(found), total, False)
    return {one.name: [found[spec.name] for spec in one.specs] for one in contestants}


def _finished(spec: ModelSpec, directory: Path, name: str) -> Metrics | None:
    return finished_metrics(spec, directory, f"train it anew with --again {name}")


@dataclass(frozen=True)
class _Job:
    spec: ModelSpec
    directory: Path
    anew: bool


@dataclass(frozen=True)
class _Task:
    """Trains one model in a worker."""

    data: Mapping[int, TrainingData]
    device: str
    say: Say | None

    def __call__(self, job: _Job) -> Metrics:
        lines = _Lines(job.spec, self.say) if self.say else None
        data = self.data[job.spec.seed]
        return train_model(
            job.spec, data, job.directory, anew=job.anew, device=self.device, threads=1, listener=lines
        ).metrics


class _Lines(TrainingListener):
    """A line now and then."""

    def __init__(self, spec: ModelSpec, say: Say) -> None:
        self._name, self._say = spec.name, say
        self._said = time.monotonic()

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> None:
        goes_on = f", goes on after epoch {done}" if done else ""
        self._say(f"{self._name}: {facts['params']} parameters{goes_on}")

    def epoch(self, epoch: Epoch) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            left = f"{epoch.seconds_left:.0f} s left"
            self._say(f"{self._name}: epoch {epoch.epoch}/{epoch.epochs}, loss {epoch.loss:.3f}, {left}")
