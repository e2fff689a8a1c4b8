"""Where a training stands: all that it takes to go on from there as if nothing had happened."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor, nn

from coernas_moo.errors import ModelError
from coernas_moo.training.average import MovingAverage
from coernas_moo.training.checkpoint import load_weights, require_weights, save_checkpoint
from coernas_moo.training.optimiser import make_optimiser
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.spec import BEST, LAST


@dataclass
class Best:
    """The epoch whose weights are kept.

    Args:
        epoch: from 1; 0 before the first.
        key: what it is best at, then what decides among equals; higher is better.
        validation: measures on the validation part.
        state: the weights.
    """

    epoch: int = 0
    key: tuple[float, float] = (-math.inf, -math.inf)
    validation: dict[str, float] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Clock:
    """Of training steps: seconds, seconds of these that went into making batches, and images."""

    steps: float = 0.0
    loading: float = 0.0
    images: int = 0

    def add(self, other: Clock) -> None:
        """Count what another clock has counted."""
        self.steps += other.steps
        self.loading += other.loading
        self.images += other.images

    @property
    def images_per_second(self) -> float:
        """0 before the first step."""
        return self.images / self.steps if self.steps else 0.0

    @property
    def loading_share(self) -> float:
        """Of the seconds; 0 before the first step."""
        return self.loading / self.steps if self.steps else 0.0


class TrainingState:
    """The network, its optimiser and its average, the epochs so far and the best of them.

    Random states are not part of it: every epoch begins a stream of its own.

    Args:
        module: the network.
        recipe: how it is trained.
        seed: of the training.
        data: fingerprint of the images and their division.
        threads: torch threads, of which sums depend in their last bit.
    """

    def __init__(self, module: nn.Module, recipe: Recipe, seed: int, data: str, threads: int) -> None:
        self.module, self.recipe, self.seed, self.data, self.threads = module, recipe, seed, data, threads
        self.optimiser = make_optimiser(module, recipe)
        self.average = MovingAverage(module, recipe.ema) if recipe.ema else None
        self.epoch = 0
        self.seconds = 0.0
        self.clock = Clock()
        self.history: list[dict[str, float]] = []
        self.best = Best()

    @property
    def judged(self) -> nn.Module:
        """The network whose weights are judged and kept: the average, where there is one."""
        return self.module if self.average is None else self.average.module

    def keep_if_best(self, key: tuple[float, float], validation: dict[str, float]) -> None:
        """Remember the weights as they are, unless an earlier epoch's were as good."""
        if not self.best.epoch or key > self.best.key:
            state = {name: value.detach().cpu().clone() for name, value in self.judged.state_dict().items()}
            self.best = Best(self.epoch, key, validation, state)

    def save(self, directory: Path) -> None:
        """Write `best.pt` and `last.pt`; raises `RunError`, and those that were there stay whole."""
        best = self.best
        kept = {"state": best.state, "epoch": best.epoch, "validation": best.validation}
        save_checkpoint(directory / BEST, kept)
        content = {
            "state": self.judged.state_dict(),
            "epoch": self.epoch,
            "weights": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": {**kept, "key": list(best.key)},
            "history": self.history,
            "seconds": self.seconds,
            "clock": asdict(self.clock),
            "seed": self.seed,
            "threads": self.threads,
            "recipe": msgspec.to_builtins(self.recipe),
            "data": self.data,
        }
        save_checkpoint(directory / LAST, content)

    def restore(self, content: dict[str, Any], path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ModelError: it is one of another network, recipe, seed or data, or lacks something.
        """
        load_weights(self.module, content["state"], path)
        try:
            self._require_same(content, path)
            load_weights(self.module, content["weights"], path)
            if self.average is not None:
                load_weights(self.average.module, content["state"], path)
            self.optimiser.load_state_dict(content["optimiser"])
            best = content["best"]
            first, second = best["key"]
            self.best = Best(int(best["epoch"]), (first, second), dict(best["validation"]), dict(best["state"]))
            if self.best.state:
                require_weights(self.module, self.best.state, path)
            self.epoch, self.seconds = int(content["epoch"]), float(content["seconds"])
            # An older checkpoint has no clock.
            self.clock = Clock(**content.get("clock", {}))
            self.history = [dict(row) for row in content["history"]]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
            raise ModelError(
                f"{path}: not a checkpoint to go on from ({type(error).__name__}: {error}); remove it to begin anew"
            ) from None

    def _require_same(self, content: dict[str, Any], path: Path) -> None:
        before, now = content["recipe"], msgspec.to_builtins(self.recipe)
        changed = [
            f"train.{key} was {before.get(key)!r}, is {now[key]!r}"
            for key in now
            if key != "epochs" and before.get(key) != now[key]
        ]
        if content["seed"] != self.seed:
            changed.append(f"the seed was {content['seed']}, is {self.seed}")
        if content["data"] != self.data:
            changed.append("images have been added, removed, or are divided otherwise")
        if changed:
            raise ModelError(f"{path}: a training with other settings: {changed[0]}; go on as it began, or begin anew")
