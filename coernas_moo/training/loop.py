"""The training loop: epochs, the choice of the best, checkpoints, resumption."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.errors import ModelError
from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.networks.init import he_init
from coernas_moo.networks.memory import channels_last, settle_allocator
from coernas_moo.training import metrics
from coernas_moo.training.augment import augmented, mixed, variation
from coernas_moo.training.average import MovingAverage
from coernas_moo.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from coernas_moo.training.data import Part, TrainingData
from coernas_moo.training.loss import make_loss
from coernas_moo.training.memory_use import peak_megabytes, restart_peak
from coernas_moo.training.optimiser import learning_rate, make_optimiser
from coernas_moo.training.progress import Epoch, TrainingListener
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.spec import BEST, LAST

SECONDS_BETWEEN_CHECKPOINTS = 5.0
JUDGED_AT_ONCE = 256


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
        images_per_second: of training steps, over the epochs of this call.
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
        until: stop after this epoch, at most `recipe.epochs`.
        initialise: draw the weights (`he_init`); False trains the module from the weights it has.
        device: `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU where there is one.
        threads: torch threads; by default one a core. A training that goes on keeps the number it began with.
        name: of the model, for those who watch.
        facts: more about it for those who watch.
        listener: told about every epoch.

    Raises:
        ModelError: the checkpoint is of another network, recipe, seed or data, or cannot be read; the network takes
            no such images; or the loss is no longer finite.
        RunError: a checkpoint cannot be written; the one before is whole.

    Example:
        >>> from pathlib import Path
        >>> from torch.nn import Flatten, Linear, Sequential
        >>> from coernas_moo.datasets import DigitsSettings
        >>> from coernas_moo.training.data import prepare
        >>> recipe = Recipe(epochs=2, augment="none")
        >>> data = prepare(DigitsSettings().open(Path()), recipe)
        >>> trained = train(Sequential(Flatten(), Linear(64, 10)), data, recipe)
        >>> trained.epochs, trained.finished, trained.validation["accuracy"] > 0.5
        (2, True, True)
    """
    recipe = recipe or Recipe()
    where = _device(device)
    checkpoint = directory / LAST if directory is not None else None
    before = load_checkpoint(checkpoint) if checkpoint is not None and checkpoint.exists() else None
    if before is not None:
        threads = int(before.get("threads", 1))
    threads = threads or available_cores()
    settle_allocator()
    with _settings(threads):
        torch.default_generator.manual_seed(_seed_of(seed, 0))
        if initialise and before is None:
            he_init(module, torch.Generator().manual_seed(seed))
        training = _Training(module, data, recipe, seed, directory, where, threads)
        if before is not None:
            assert checkpoint is not None
            training.restore(before, checkpoint)
        require_fit(training.module, data, name or "the network")
        listener = listener or TrainingListener()
        listener.started(name, data, recipe, facts or {}, training.epoch)
        return training.run(min(until or recipe.epochs, recipe.epochs), listener)


def require_fit(module: nn.Module, data: TrainingData, name: str) -> None:
    """Check that a network takes the data's images and answers with one score a class; its state is left alone.

    Raises:
        ModelError: it does not.
    """
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            scores = module(torch.zeros(2, *data.shape, device=device))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name} cannot take images of {data.shape}: {type(error).__name__}: {reason}; set data.size (and "
            "data.channels) to what it takes"
        ) from error
    finally:
        module.train(training)
    if getattr(scores, "shape", None) != (2, len(data.classes)):
        found = tuple(getattr(scores, "shape", ()))
        raise ModelError(f"{name} answers two images with shape {found}, not with (2, {len(data.classes)}) scores")


def predict(module: nn.Module, data: TrainingData, part: Part) -> Tensor:
    """Class scores (n, classes) of a part, on the CPU; the module is put into eval mode."""
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.eval()
    scores = []
    with torch.no_grad():
        for positions in torch.split(torch.arange(len(part)), JUDGED_AT_ONCE):
            images = data.normalise(part.images(positions).to(device))
            scores.append(module(channels_last(images)).float().cpu())
    return torch.cat(scores) if scores else torch.empty(0, len(data.classes))


def measures(scores: Tensor, labels: Tensor) -> dict[str, float]:
    """`accuracy`, `f1` (macro), `kappa` (quadratic) and `loss` (cross-entropy) of class scores (n, classes)."""
    confusion = metrics.confusion_matrix(labels.numpy(), scores.argmax(1).numpy(), scores.shape[1])
    return {
        "accuracy": float(metrics.accuracy(confusion)),
        "f1": float(metrics.summary(confusion)["f1_macro"]),
        "kappa": float(metrics.quadratic_kappa(confusion)),
        "loss": float(F.cross_entropy(scores.double(), labels)),
    }


@dataclass
class _Clock:
    """Seconds of training steps, and what part of them went into making batches."""

    steps: float = 0.0
    loading: float = 0.0
    images: int = 0

    def add(self, other: _Clock) -> None:
        self.steps += other.steps
        self.loading += other.loading
        self.images += other.images

    @property
    def images_per_second(self) -> float:
        return self.images / self.steps if self.steps else 0.0

    @property
    def loading_share(self) -> float:
        return self.loading / self.steps if self.steps else 0.0


@dataclass
class _Best:
    """The epoch whose weights are kept."""

    epoch: int = 0
    key: tuple[float, float] = (-math.inf, -math.inf)
    validation: dict[str, float] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)


class _Training:
    def __init__(
        self,
        module: nn.Module,
        data: TrainingData,
        recipe: Recipe,
        seed: int,
        directory: Path | None,
        device: torch.device,
        threads: int,
    ) -> None:
        self.data, self.recipe, self.seed, self.directory = data, recipe, seed, directory
        self.device, self.threads = device, threads
        self.module = module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = make_optimiser(self.module, recipe)
        self.average = MovingAverage(self.module, recipe.ema) if recipe.ema else None
        self.loss = make_loss(recipe, data.train.labels, len(data.classes), device)
        self.change = variation(recipe)
        self.steps = max(1, round(len(data.train) / recipe.batch))
        self.mixed_precision = device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.epoch = 0
        self.best = _Best()
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0
        self.clock = _Clock()
        self.written = time.monotonic()

    @property
    def judged(self) -> nn.Module:
        return self.module if self.average is None else self.average.module

    @property
    def over(self) -> bool:
        patience = self.recipe.patience
        stalled = patience > 0 and len(self.data.validation) > 0 and self.epoch - self.best.epoch >= patience
        return self.epoch >= self.recipe.epochs or (self.epoch > 0 and stalled)

    def run(self, until: int, listener: TrainingListener) -> Trained:
        restart_peak(self.device)
        first = self.epoch
        while self.epoch < until and not self.over:
            self._one_epoch(listener, first)
            if time.monotonic() - self.written > SECONDS_BETWEEN_CHECKPOINTS:
                self._save()
        if self.epoch > first:
            self._save()
        peak = peak_megabytes(self.device)
        self.module.load_state_dict(self.best.state or self.judged.state_dict())
        return Trained(
            module=self.module.eval().cpu(),
            epochs=self.epoch,
            best_epoch=self.best.epoch,
            validation=self.best.validation,
            finished=self.over,
            history=tuple(self.history),
            seconds=self.seconds,
            images_per_second=self.clock.images_per_second,
            loading_share=self.clock.loading_share,
            peak_megabytes=peak,
            threads=self.threads,
            device=str(self.device),
        )

    def _one_epoch(self, listener: TrainingListener, first: int) -> None:
        started = time.perf_counter()
        clock = _Clock()
        # One stream of random numbers an epoch: nothing of it has to be kept to go on after any epoch.
        rng = np.random.default_rng([self.seed, 1 + self.epoch])
        torch.default_generator.manual_seed(_seed_of(self.seed, 1 + self.epoch))
        loss, rate = self._steps(rng, clock)
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is no longer finite in epoch {self.epoch + 1}; lower train.learning_rate "
                f"({self.recipe.learning_rate:g}) or set train.clip"
            )
        self.epoch += 1
        validation = self._judge()
        self.clock.add(clock)
        self.seconds += time.perf_counter() - started
        row = {"epoch": float(self.epoch), "loss": loss, "learning_rate": rate, "seconds": self.seconds}
        self.history.append(row | {f"validation_{key}": value for key, value in validation.items()})
        left = self.recipe.epochs - self.epoch
        listener.epoch(
            Epoch(
                self.epoch,
                self.recipe.epochs,
                loss,
                rate,
                validation,
                self.best.epoch,
                self.seconds,
                clock.images_per_second,
                clock.loading_share,
                left * self.seconds / self.epoch,
            )
        )

    def _steps(self, rng: np.random.Generator, clock: _Clock) -> tuple[float, float]:
        """All steps of an epoch: mean loss and last learning rate."""
        self.module.train()
        part = self.data.train
        total, rate, step = torch.zeros((), dtype=torch.float64), 0.0, self.epoch * self.steps
        order = torch.from_numpy(rng.permutation(len(part)))
        begun = time.perf_counter()
        for positions in order.tensor_split(self.steps):
            labels = part.labels[positions].to(self.device)
            raw = part.raw(positions).to(self.device)
            images = channels_last(augmented(raw, self.data, self.change, rng))
            targets = [(labels, 1.0)]
            if self.recipe.mixup:
                images, others, weight = mixed(images, labels, self.recipe.mixup, rng)
                targets = [(labels, weight), (others, 1 - weight)]
            loaded = time.perf_counter()
            rate = learning_rate(self.recipe, step, self.steps * self.recipe.epochs)
            loss = self._step(images, targets, rate)
            if self.average is not None:
                self.average.update(step)
            total += loss.detach().cpu() * len(positions)
            step += 1
            done = time.perf_counter()
            clock.add(_Clock(done - begun, loaded - begun, len(positions)))
            begun = done
        return float(total) / len(part), rate

    def _step(self, images: Tensor, targets: list[tuple[Tensor, float]], rate: float) -> Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed_precision):
            scores = self.module(images)
        loss = torch.stack([weight * self.loss(scores.float(), labels) for labels, weight in targets]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        self.optimiser.step()
        return loss

    def _judge(self) -> dict[str, float]:
        """Judge this epoch's weights and keep them if none were better."""
        part, select = self.data.validation, self.recipe.select
        found = measures(predict(self.judged, self.data, part), part.labels) if len(part) else {}
        key = (math.inf, float(self.epoch))
        if found and select != "last":
            first = -found["loss"] if select == "loss" else found[select]
            key = (first, -found["loss"])
        if not self.best.epoch or key > self.best.key:
            state = {name: value.detach().cpu().clone() for name, value in self.judged.state_dict().items()}
            self.best = _Best(self.epoch, key, found, state)
        return found

    def _save(self) -> None:
        if self.directory is not None:
            save_checkpoint(
                self.directory / BEST,
                {"state": self.best.state, "epoch": self.best.epoch, "validation": self.best.validation},
            )
            save_checkpoint(self.directory / LAST, self._content())
        self.written = time.monotonic()

    def _content(self) -> dict[str, Any]:
        return {
            "state": self.judged.state_dict(),
            "epoch": self.epoch,
            "weights": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": {
                "epoch": self.best.epoch,
                "key": list(self.best.key),
                "validation": self.best.validation,
                "state": self.best.state,
            },
            "history": self.history,
            "seconds": self.seconds,
            "seed": self.seed,
            "threads": self.threads,
            "recipe": msgspec.to_builtins(self.recipe),
            "data": self.data.fingerprint(),
        }

    def restore(self, content: dict[str, Any], path: Path) -> None:
        """Go on from a checkpoint; raises `ModelError` where it is one of something else."""
        load_weights(self.module, content["state"], path)
        try:
            self._require_same(content, path)
            load_weights(self.module, content["weights"], path)
            if self.average is not None:
                load_weights(self.average.module, content["state"], path)
            self.optimiser.load_state_dict(content["optimiser"])
            best = content["best"]
            first, second = best["key"]
            self.best = _Best(int(best["epoch"]), (first, second), dict(best["validation"]), dict(best["state"]))
            self.epoch, self.seconds = int(content["epoch"]), float(content["seconds"])
            self.history = list(content["history"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(
                f"{path}: not a checkpoint to go on from ({type(error).__name__}: {error}); remove it to begin anew"
            ) from None

    def _require_same(self, content: dict[str, Any], path: Path) -> None:
        before, now = content["recipe"], msgspec.to_builtins(self.recipe)
        changed = [
            f"train.{key} was {before.get(key)!r}, is {now.get(key)!r}"
            for key in now
            if key != "epochs" and before.get(key) != now.get(key)
        ]
        if content["seed"] != self.seed:
            changed.append(f"the seed was {content['seed']}, is {self.seed}")
        if content["data"] != self.data.fingerprint():
            changed.append("images have been added, removed, or are divided otherwise")
        if changed:
            raise ModelError(f"{path}: a training with other settings: {changed[0]}; go on as it began, or begin anew")


@contextmanager
def _settings(threads: int) -> Iterator[None]:
    """Torch's number of threads and random state are as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)


def _seed_of(seed: int, epoch: int) -> int:
    """Of torch's own random numbers (dropout) in an epoch, independent of those of the augmentation."""
    return int(np.random.SeedSequence([seed, epoch, 1]).generate_state(1)[0])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"torch has no device {name!r}; use cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"this machine has no device {name!r}; train on cpu")
    return device
