"""Refinement by training: everything that `coernas refine` does on images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coernas_moo.config import ProblemFile
from coernas_moo.errors import DataError, ModelError, RunError
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.files import held_by_one, write_atomically
from coernas_moo.refinement.course import Judged, RefineListener, run_rungs
from coernas_moo.refinement.document import (
    REFINEMENTS,
    RefineDocument,
    read_document,
    require_same,
    write_document,
)
from coernas_moo.refinement.planning import Request, planned, specs_of
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import MODELS
from coernas_moo.training.data import TrainingData
from coernas_moo.training.loop import train
from coernas_moo.training.model import build_module, plan_of
from coernas_moo.training.progress import TrainingListener
from coernas_moo.training.session import Session, forget_model, train_model
from coernas_moo.training.spec import LAST, METRICS, ModelSpec

SECONDS_A_TRAINING = 7 * 86400.0
"""A worker that takes longer for one rung hangs."""


@dataclass(frozen=True)
class Refined:
    """What became of a refinement.

    Args:
        document: all of it.
        directory: that holds `refine.json`.
        session: the winner's training.
    """

    document: RefineDocument
    directory: Path
    session: Session


@dataclass(frozen=True)
class _Train:
    """Trains one candidate up to an epoch, in a worker; what a full disk says is not the candidate's failure."""

    specs: Mapping[int, ModelSpec]
    data: TrainingData
    folder: Path
    device: str

    def __call__(self, item: tuple[int, int]) -> tuple[float | None, float, str | None, bool]:
        number, until = item
        spec, directory = self.specs[number], candidate_directory(self.folder, number)
        try:
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                return None, 0.0, f"{directory}: cannot be made: {error.strerror}", True
            trained = train(
                build_module(spec),
                self.data,
                spec.recipe,
                seed=spec.seed,
                directory=directory,
                until=until,
                initialise=plan_of(spec) is not None,
                device=self.device,
                threads=1,
            )
        except ModelError as error:
            return None, 0.0, str(error), False
        except RunError as error:
            return None, 0.0, str(error), True
        return float(trained.validation["accuracy"]), trained.seconds, None, False


def candidate_directory(folder: Path, number: int) -> Path:
    """Where a candidate's checkpoints are while it is in the running."""
    return folder / "candidates" / f"{number:02d}"


def refine(
    run: Run,
    problem: ProblemFile,
    data: TrainingData,
    request: Request,
    *,
    anew: bool = False,
    workers: int = 1,
    device: str = "auto",
    listener: RefineListener | None = None,
    training: TrainingListener | None = None,
) -> Refined:
    """Refine a run, or go on where that was cut off.

    All trainings follow the recipe's schedule for all of its epochs, each with one thread: a candidate that goes on
    continues its own, and the winner ends bit for bit as `coernas train --threads 1` would have made it.

    Args:
        run: whose leaders are refined.
        problem: the run's, perhaps with another recipe.
        data: images.
        request: what is asked for.
        anew: forget a refinement, and a model, of that name.
        workers: processes; the result does not depend on it, but a plan for a budget of time does.
        device: `cpu`, `cuda`, `cuda:N` or `auto`.
        listener: told about candidates.
        training: told about the winner's training.

    Raises:
        CoernasError: the run, the data, the budget or what is there already cannot be used.
    """
    if not len(data.validation):
        raise DataError("refinement compares networks on validation images and there are none; set it above 0: "
                        "--set train.validation_share=0.1")  # fmt: skip
    listener = listener or RefineListener()
    folder = run.directory.path / REFINEMENTS / request.name
    model = run.directory.path / MODELS / request.name
    existing = None if anew else read_document(folder)
    if existing is not None:
        require_same(
            existing,
            folder,
            source="training",
            asked=request.asked,
            seed=request.seed,
            recipe=problem.train,
            data=data.fingerprint(),
        )
        document = existing
    else:
        if not anew and model.exists():
            raise ModelError(f"{model}: a model is here already; give another --name, or replace it with --anew")
        document = planned(run, problem, data, request, workers, device)
    with held_by_one(folder, "in use by another refinement; wait for it", "give a run that can be written"):
        if anew:
            _remove(folder / "candidates")
            forget_model(model)
        specs = specs_of(run, problem, data, request, document.candidates)
        write_document(document, folder)
        listener.planned(document)
        with WorkerPool[tuple[int, int], tuple[float | None, float, str | None, bool]](
            _Train(specs, data, folder, device), min(workers, len(specs)), timeout_seconds=SECONDS_A_TRAINING
        ) as pool:
            spent = {one.number: sum(one.seconds) for one in document.candidates}

            def judge(numbers: Sequence[int], rung: int) -> Iterator[Judged]:
                items = [(number, document.rungs[rung].epochs) for number in numbers]
                for position, outcome in pool.run(items):
                    accuracy, seconds, failure, fatal = outcome.value or (None, 0.0, outcome.failure, False)
                    if fatal:
                        raise RunError(f"{failure}; what is done is kept: go on by giving the same command again")
                    # A training that went on says what all of it has taken.
                    number = numbers[position]
                    own, spent[number] = max(0.0, seconds - spent[number]), max(seconds, spent[number])
                    yield number, accuracy, own, failure

            def keep(now: RefineDocument) -> None:
                write_document(now, folder)
                for one in now.candidates:
                    if one.eliminated is not None:
                        _remove(candidate_directory(folder, one.number))

            document = run_rungs(document, judge, keep, listener)
        write_document(document, folder)
        session = _finish(document, specs, data, folder, model, device, training)
        document = msgspec.structs.replace(document, status="finished")
        write_document(document, folder)
        _remove(folder / "candidates")
    return Refined(document, folder, session)


def _finish(
    document: RefineDocument,
    specs: Mapping[int, ModelSpec],
    data: TrainingData,
    folder: Path,
    model: Path,
    device: str,
    training: TrainingListener | None,
) -> Session:
    """The winner's whole recipe, on from where its last rung ended, and its measures on the test part."""
    assert document.winner is not None
    checkpoint = candidate_directory(folder, document.winner) / LAST
    if checkpoint.exists() and not (model / LAST).exists() and not (model / METRICS).exists():
        try:
            model.mkdir(parents=True, exist_ok=True)
            content = checkpoint.read_bytes()
        except OSError as error:
            raise RunError(f"{model}: cannot be made: {error.strerror}") from None
        write_atomically(model / LAST, content)
    return train_model(specs[document.winner], data, model, device=device, threads=1, listener=training)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
