"""What a training tells those who watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coernas_moo.training.data import TrainingData
from coernas_moo.training.recipe import Recipe


@dataclass(frozen=True)
class Epoch:
    """One epoch that is done.

    Args:
        epoch: from 1.
        epochs: in the whole training.
        loss: mean of the training loss over the epoch's steps.
        learning_rate: of its last step.
        validation: measures on the validation part (`accuracy`, `loss`, `f1`, `kappa`); empty without one.
        best_epoch: whose weights are kept so far.
        seconds: of training so far, over all resumptions.
        images_per_second: in this epoch, training only.
        loading_share: of the time of this epoch's steps, what it took to make the batches.
        seconds_left: extrapolated.
    """

    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    validation: Mapping[str, float]
    best_epoch: int
    seconds: float
    images_per_second: float
    loading_share: float
    seconds_left: float


class TrainingListener:
    """Told about a training; does nothing. Subclass it to show progress."""

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> None:
        """A training of `name` begins, or goes on after `done` epochs; `facts` are for people to read."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""

    def stopped(self, epoch: int, best_epoch: int) -> None:
        """It stopped early after this epoch: nothing was better than `best_epoch` for as long as the recipe waits."""
