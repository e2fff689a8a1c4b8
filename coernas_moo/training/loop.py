"""The training loop: epochs, steps, the choice of the best."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from coernas_moo.errors import ModelError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.memory import channels_last, settle_allocator, weights_channels_last
from coernas_moo.training.augment import augmented, mixed, variation
from coernas_moo.training.checkpoint import load_checkpoint
from coernas_moo.training.data import TrainingData
from coernas_moo.training.devices import default_threads, device_named, takes_bfloat16, torch_settings
from coernas_moo.training.inference import measures, predict, require_fit
from coernas_moo.training.loss import make_loss
from coernas_moo.training.memory_use import peak_megabytes, restart_peak
from coernas_moo.training.optimiser import learning_rate
from coernas_moo.training.progress import Epoch, TrainingListener
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.spec import LAST
from coernas_moo.training.state import Clock, TrainingState

SECONDS_BETWEEN_CHECKPOINTS = 5.0


@dataclass(frozen=True)
class Trained:
    """What a training ended with.

    Args:
        module: the network with the weights that were kept, in eval mode on the CPU.
        epochs: done, over all resumptions.
        best_epoch: whose weights were kept.
        validation: their measures on the validation part; empty without one.
        finished: all epochs of the recipe are done, or training stopped early for lack of progress.
        history: one row an epoch.
        seconds: of training, over all resumptions.
        images_per_second: of training steps, over all resumptions.
        loading_share: of the time of training steps, what it took to make the batches.
        peak_megabytes: of memory while training in this call; None where it cannot be known.
        threads: torch threads.
        device: where it was trained.
    """

    module: nn.Module
    epochs: int
    best_epoch: int
    validation: Mapping[str, float]
    finished: bool
    history: tuple[Mapping[str, float], ...]
    seconds: float
    images_per_second: float
    loading_share: float
    peak_megabytes: float | None
    threads: int
    device: str


def train(
    module: nn.Module,
    data: TrainingData,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    directory: Path | None = None,
    until: int | None = None,
    initialise: bool = True,
    device: str = "auto",
    threads: int | None = None,
    name: str = "",
    facts: Mapping[str, str] | None = None,
    listener: TrainingListener | None = None,
) -> Trained:
    """Train a network, or go on with a training.

    Everything random comes from `seed` and the epoch's number, so a training that was killed and is called again with
    the same `directory` ends with the same weights, bit for bit, as one that was not. With `until`, it stops after so
    many epochs of the recipe's schedule, and a later call with more goes on from there; a later call may also bring a
    recipe with another number of epochs, whose schedule then holds from where the training stands.

    Args:
        module: takes normalised images (n, c, h, w), returns class scores (n, classes). Its weights are changed.
        data: images.
        recipe: how; by default `Recipe()`.
        seed: of the initialisation, the order of images and their augmentation; 0 to 2**63 - 1.
        directory: existing folder for `best.pt` and `last.pt`; None keeps nothing, and cannot go on later.
        until: stop after this epoch, from 1 to `recipe.epochs`.
        initialise: draw the weights (`he_init`); False trains the module from the weights it has.
        device: `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU where there is one.
        threads: torch threads; by default `OMP_NUM_THREADS`, or one a core. A training that goes on keeps
            the number it began with.
        name: of the model, for those who watch.
        facts: more about it for those who watch.
        listener: told about every epoch.

    Raises:
        ModelError: the checkpoint is of another network, recipe, seed or data, or cannot be read; the network takes
            no such images; or the loss or a weight is no longer finite.
        RunError: a checkpoint cannot be written; the one before is whole.

    Example:
        >>> from pathlib import Path
        >>> from torch.nn import Flatten, Linear, Sequential
        >>> from coernas_moo.datasets import DigitsSettings
        >>> from coernas_moo.training.data import prepare
        >>> recipe = Recipe(epochs=5, augment="none")
        >>> data = prepare(DigitsSettings().open(Path()), recipe)
        >>> trained = train(Sequential(Flatten(), Linear(64, 10)), data, recipe)
        >>> trained.epochs, trained.finished, trained.validation["accuracy"] > 0.5
        (5, True, True)
    """
    recipe = recipe or Recipe()
    if until is not None and until < 1:
        raise ModelError(f"a training cannot stop after epoch {until}; give 1 at least")
    where = device_named(device)
    checkpoint = directory / LAST if directory is not None else None
    before = load_checkpoint(checkpoint) if checkpoint is not None and checkpoint.exists() else None
    if before is not None:
        threads = int(before.get("threads", 1))
    threads = threads or default_threads()
    settle_allocator()
    with torch_settings(threads):
        torch.default_generator.manual_seed(_seed_of(seed, 0))
        if initialise and before is None:
            he_init(module, torch.Generator().manual_seed(seed))
        module = weights_channels_last(module.to(where))
        require_fit(module, data, name or "the network")
        state = TrainingState(module, recipe, seed, data.fingerprint(), threads)
        if before is not None and checkpoint is not None:
            state.restore(before, checkpoint)
        listener = listener or TrainingListener()
        listener.started(name, data, recipe, facts or {}, state.epoch)
        return _Training(state, data, directory, where).run(min(until or recipe.epochs, recipe.epochs), listener)


def steps_of_epoch(images: int, recipe: Recipe) -> int:
    """Training steps of one pass over so many images; never with a batch of one, which batch norm cannot normalise.

    Example:
        >>> steps_of_epoch(100, Recipe(batch=32)), steps_of_epoch(5, Recipe(batch=2))
        (3, 2)
    """
    return max(1, min(round(images / recipe.batch), images // 2))


class _Training:
    def __init__(self, state: TrainingState, data: TrainingData, directory: Path | None, device: torch.device) -> None:
        self.state, self.data, self.directory, self.device = state, data, directory, device
        self.recipe = state.recipe
        self.loss = make_loss(self.recipe, data.train.labels, len(data.classes), device)
        self.change = variation(self.recipe)
        self.steps = steps_of_epoch(len(data.train), self.recipe)
        self.mixed_precision = takes_bfloat16(device)
        self.written = time.monotonic()

    @property
    def over(self) -> bool:
        epoch, patience = self.state.epoch, self.recipe.patience
        judged = patience > 0 and len(self.data.validation) > 0
        return epoch >= self.recipe.epochs or (judged and epoch - self.state.best.epoch >= patience)

    def run(self, until: int, listener: TrainingListener) -> Trained:
        state = self.state
        restart_peak(self.device)
        while state.epoch < until and not self.over:
            listener.epoch(self._one_epoch())
            if time.monotonic() - self.written > SECONDS_BETWEEN_CHECKPOINTS:
                self._save()
        if state.epoch < min(until, self.recipe.epochs):
            listener.stopped(state.epoch, state.best.epoch)
        self._save()
        peak = peak_megabytes(self.device)
        state.module.load_state_dict(state.best.state or state.judged.state_dict())
        return Trained(
            module=state.module.eval().cpu(),
            epochs=state.epoch,
            best_epoch=state.best.epoch,
            validation=state.best.validation,
            finished=self.over,
            history=tuple(state.history),
            seconds=state.seconds,
            images_per_second=state.clock.images_per_second,
            loading_share=state.clock.loading_share,
            peak_megabytes=peak,
            threads=state.threads,
            device=str(self.device),
        )

    def _one_epoch(self) -> Epoch:
        state, clock, started = self.state, Clock(), time.perf_counter()
        # One stream of random numbers an epoch: nothing of it has to be kept to go on after any epoch.
        rng = np.random.default_rng([state.seed, 1 + state.epoch])
        torch.default_generator.manual_seed(_seed_of(state.seed, 1 + state.epoch))
        loss, rate = self._steps(rng, clock)
        state.epoch += 1
        if not math.isfinite(loss):
            raise self._diverged("loss is")
        validation = self._judge()
        state.clock.add(clock)
        state.seconds += time.perf_counter() - started
        row = {"epoch": float(state.epoch), "loss": loss, "learning_rate": rate, "seconds": state.seconds}
        state.history.append(row | {f"validation_{key}": value for key, value in validation.items()})
        return Epoch(
            state.epoch,
            self.recipe.epochs,
            loss,
            rate,
            validation,
            state.best.epoch,
            state.seconds,
            clock.images_per_second,
            clock.loading_share,
            (self.recipe.epochs - state.epoch) * state.seconds / state.epoch,
        )

    def _steps(self, rng: np.random.Generator, clock: Clock) -> tuple[float, float]:
        """All steps of an epoch: mean loss and last learning rate."""
        self.state.module.train()
        part = self.data.train
        total, rate, step = 0.0, 0.0, self.state.epoch * self.steps
        order = torch.from_numpy(rng.permutation(len(part)))
        for positions in order.tensor_split(self.steps):
            begun = time.perf_counter()
            labels = part.labels[positions].to(self.device)
            images = augmented(part.raw(positions).to(self.device), self.data, self.change, rng)
            targets = [(labels, 1.0)]
            if self.recipe.mixup:
                images, others, weight = mixed(images, labels, self.recipe.mixup, rng)
                targets = [(labels, weight), (others, 1 - weight)]
            images = channels_last(images)
            loaded = time.perf_counter()
            rate = learning_rate(self.recipe, step, self.steps * self.recipe.epochs)
            total += self._step(images, targets, rate) * len(positions)
            if self.state.average is not None:
                self.state.average.update(step)
            step += 1
            clock.add(Clock(time.perf_counter() - begun, loaded - begun, len(positions)))
        return total / len(part), rate

    def _step(self, images: Tensor, targets: list[tuple[Tensor, float]], rate: float) -> float:
        """One step; its loss."""
        module, optimiser = self.state.module, self.state.optimiser
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed_precision):
            scores = module(images)
        loss = torch.stack([weight * self.loss(scores.float(), labels) for labels, weight in targets]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(module.parameters(), self.recipe.clip)
        optimiser.step()
        return float(loss.detach())

    def _judge(self) -> dict[str, float]:
        """Judge this epoch's weights, and keep them if none were as good."""
        part, select = self.data.validation, self.recipe.select
        if not all(bool(values.isfinite().all()) for values in self.state.judged.state_dict().values()):
            raise self._diverged("weights are")
        found = measures(predict(self.state.judged, self.data, part), part.labels) if len(part) else {}
        if not math.isfinite(found.get("loss", 0.0)):
            raise self._diverged("loss on the validation part is")
        key = (math.inf, float(self.state.epoch))
        if found and select != "last":
            key = (-found["loss"] if select == "loss" else found[select], -found["loss"])
        self.state.keep_if_best(key, found)
        return found

    def _diverged(self, what: str) -> ModelError:
        return ModelError(
            f"the {what} no longer finite in epoch {self.state.epoch}; begin anew (--anew) with a lower "
            f"train.learning_rate than {self.recipe.learning_rate:g}, or with train.clip"
        )

    def _save(self) -> None:
        if self.directory is not None:
            self.state.save(self.directory)
        self.written = time.monotonic()


def _seed_of(seed: int, epoch: int) -> int:
    """Of torch's own random numbers (dropout) in an epoch, independent of those of the augmentation."""
    return int(np.random.SeedSequence([seed, epoch, 1]).generate_state(1)[0])
