"""All that `coernas train` does for one model: its directory, the training, the measures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from coernas_moo.config import ProblemFile
from coernas_moo.errors import ModelError, RunError
from coernas_moo.files import held_by_one, write_atomically
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import MODELS
from coernas_moo.training.assess import PREDICTIONS, Metrics, assess, read_metrics, write_metrics
from coernas_moo.training.data import TrainingData
from coernas_moo.training.devices import device_named
from coernas_moo.training.inference import require_fit
from coernas_moo.training.loop import Trained, train
from coernas_moo.training.model import build_module, plan_of
from coernas_moo.training.progress import TrainingListener
from coernas_moo.training.spec import BEST, LAST, METRICS, MODEL_FILE, ModelSpec, read_spec, write_spec
from coernas_moo.training.timm_models import PREFIX, timm_version
from coernas_moo.versions import versions

HISTORY = "history.csv"

OF_IMAGES = ("mean", "std", "images")
"""What a model's description has from the images and their division."""


@dataclass(frozen=True)
class Session:
    """What became of one model.

    Args:
        directory: of the model.
        metrics: its measures.
        was_finished: it had been trained before, and nothing was done now.
    """

    directory: Path
    metrics: Metrics
    was_finished: bool


def spec_of_pick(run: Run, pick: str, data: TrainingData, *, name: str, seed: int, problem: ProblemFile) -> ModelSpec:
    """The description of a member of a run's front, at full size.

    Args:
        run: that found it.
        pick: as in `Run.pick`.
        data: what it is trained on.
        name: of the model.
        seed: of the training.
        problem: the run's, perhaps with another recipe.

    Raises:
        RunError: the front has no such member.
    """
    return spec_of_genotype(run, run.pick(pick).text, data, name=name, seed=seed, problem=problem)


def spec_of_genotype(
    run: Run, genotype: str, data: TrainingData, *, name: str, seed: int, problem: ProblemFile
) -> ModelSpec:
    """The description of any network of a run's space, by its canonical text; arguments as in `spec_of_pick`."""
    common = _common(problem, data, name, seed)
    return ModelSpec(**common, space=problem.space, genotype=genotype, search_seconds=run.state.seconds)


def spec_of_baseline(baseline: str, data: TrainingData, *, name: str, seed: int, problem: ProblemFile) -> ModelSpec:
    """The description of a well-known network; arguments as in `spec_of_pick`."""
    common = _common(problem, data, name, seed)
    common["versions"] |= timm_version(baseline)
    return ModelSpec(**common, baseline=baseline)


def _common(problem: ProblemFile, data: TrainingData, name: str, seed: int) -> dict[str, Any]:
    return {
        "name": name,
        "problem": problem.name,
        "classes": data.classes,
        "channels": data.shape.channels,
        "height": data.shape.height,
        "width": data.shape.width,
        "mean": data.mean,
        "std": data.std,
        "recipe": problem.train,
        "seed": seed,
        "data": problem.data,
        "ordinal": data.ordinal,
        "images": data.fingerprint(),
        "plugins": problem.plugins,
        "versions": versions(),
    }


def train_model(
    spec: ModelSpec,
    data: TrainingData,
    directory: str | Path,
    *,
    anew: bool = False,
    device: str = "auto",
    threads: int | None = None,
    listener: TrainingListener | None = None,
) -> Session:
    """Train a model in its directory, or go on where that was cut off, and measure it.

    Leaves `model.json`, `best.pt`, `last.pt`, `history.csv`, `predictions.csv` and, last of all, `metrics.json`.

    Args:
        spec: what is trained, and how.
        data: on what.
        directory: of the model; made where it does not exist.
        anew: forget what is there.
        device: `cpu`, `cuda`, `cuda:N` or `auto`.
        threads: torch threads; by default `OMP_NUM_THREADS`, or one a core.
        listener: told about every epoch.

    Raises:
        ModelError: what is there was trained otherwise, or the network cannot be built or trained.
        RunError: the directory is in use, or cannot be written.
    """
    path = Path(directory)
    device_named(device)
    module = _initial(spec)
    require_fit(module, data, spec.network_text)
    remedy = "keep it and give this one another --name, or replace it with --anew"
    if not anew:
        finished_metrics(spec, path, remedy)
    with held_by_one(path, *HELD):
        if anew:
            _forget(path)
        elif (known := finished_metrics(spec, path, remedy)) is not None:
            return Session(path, known, True)
        try:
            write_spec(spec, path)
            plan = plan_of(spec)
            trained = train(
                module,
                data,
                spec.recipe,
                seed=spec.seed,
                directory=path,
                initialise=plan is not None,
                device=device,
                threads=threads,
                name=spec.name,
                facts=_facts(spec, module, path),
                listener=listener,
            )
            found, predictions = assess(spec, trained, data, plan)
            write_atomically(path / HISTORY, history_csv(trained))
            write_atomically(path / PREDICTIONS, predictions)
            write_metrics(found, path)
        except RunError as error:
            raise RunError(
                f"{error}; what was written before is whole: make room, or let it be written, and go on by giving the "
                "same command again"
            ) from None
    return Session(path, found, False)


def history_csv(trained: Trained) -> str:
    """One row an epoch: loss, learning rate, seconds so far, and the measures on the validation part."""
    columns = list(trained.history[0]) if trained.history else []
    rows = [",".join(f"{row[column]:.6g}" for column in columns) for row in trained.history]
    return "\n".join([",".join(columns), *rows, ""])


def _initial(spec: ModelSpec) -> nn.Module:
    """The network; one that brings its own initialisation has it from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(spec.seed)
        return build_module(spec)


def finished_metrics(spec: ModelSpec, directory: str | Path, remedy: str) -> Metrics | None:
    """The measures of a model that is trained already; None where none is there, or it is not finished.

    Args:
        spec: what the model has to be.
        directory: of the model.
        remedy: what to do where another one is there, for the error's message.

    Raises:
        ModelError: a model is there that was trained otherwise, or cannot be read.
    """
    path = Path(directory)
    # What was cut off before its first epoch has left nothing to keep.
    if not (path / MODEL_FILE).exists() or not any((path / name).exists() for name in (LAST, BEST, METRICS)):
        return None
    before, now = _flat(read_spec(path)), _flat(spec)
    if not before["images"]:
        # An older description does not say.
        del before["images"], now["images"]
    differing = [key for key in dict.fromkeys([*now, *before]) if before.get(key) != now.get(key)]
    # Mean and deviation come from the images and their division: whatever else differs is why they do.
    for key in differing:
        if key not in OF_IMAGES:
            raise ModelError(
                f"{path}: a model is here that was trained otherwise: {key} was {before.get(key)!r}, is "
                f"{now.get(key)!r}; {remedy}"
            )
    if differing:
        raise ModelError(
            f"{path}: a model is here that was trained on other images: some have been added, changed or removed "
            f"since, or cannot be read any more; restore them, or {remedy}"
        )
    # Without its weights a model is not finished, whatever it was measured at.
    return read_metrics(path) if (path / METRICS).exists() and (path / BEST).exists() else None


def _flat(spec: ModelSpec) -> dict[str, object]:
    table = msgspec.to_builtins(spec)
    for key in ("versions", "search_seconds", "plugins", "data"):
        del table[key]
    recipe: Mapping[str, object] = table.pop("recipe")
    space: Mapping[str, object] = table.pop("space") or {}
    return {
        **table,
        **{f"space.{key}": value for key, value in space.items()},
        **{f"train.{key}": value for key, value in recipe.items()},
    }


HELD = ("in use by another training; wait for it", "give another --out")


def forget_model(path: Path) -> None:
    """Remove what a training left in its directory.

    Raises:
        RunError: a training is at work there, or a file cannot be removed.
    """
    if path.exists():
        with held_by_one(path, *HELD):
            _forget(path)


def _forget(path: Path) -> None:
    for name in (METRICS, LAST, BEST, HISTORY, PREDICTIONS, MODEL_FILE):
        try:
            (path / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{path / name}: cannot be removed: {error.strerror}") from None


def _facts(spec: ModelSpec, module: nn.Module, path: Path) -> dict[str, str]:
    params = sum(parameter.numel() for parameter in module.parameters())
    kind = "timm" if (spec.baseline or "").startswith(PREFIX) else "baseline" if spec.baseline else "genotype"
    return {kind: spec.network_text, "params": f"{params:,}", "directory": str(path)}


def trained_models(run: str | Path) -> list[Path]:
    """Directories of the finished models of a run, by name; what cannot be read is left out."""
    folder = Path(run) / MODELS
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        with suppress(ModelError):
            read_spec(path)
            if (path / METRICS).is_file():
                found.append(path)
    return found
