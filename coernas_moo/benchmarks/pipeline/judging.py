"""What several trainings of several networks say together: means, deviations, intervals, paired differences."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from coernas_moo.errors import ModelError
from coernas_moo.training.assess import PREDICTIONS
from coernas_moo.training.metrics import quadratic_kappa, summary

Predictions = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Measure = Callable[[npt.NDArray[np.int64]], Values]
"""From confusion matrices (..., classes, classes) to values (...)."""

RESAMPLES = 2000


def measure_named(name: str) -> Measure:
    """`accuracy`, `f1_macro`, ... as in `summary`, or `kappa`."""
    if name == "kappa":
        return quadratic_kappa
    return lambda confusion: summary(confusion)[name]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Judgement:
    """Test predictions of networks, several trainings each, on the same images.

    Args:
        labels: true classes (images,).
        predicted: by network, predicted classes (trainings, images).
        classes: number of them.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    def __init__(
        self,
        labels: Predictions,
        predicted: dict[str, Predictions],
        classes: int,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        self.labels, self.predicted, self.classes = labels, predicted, classes
        rng = np.random.default_rng(seed)
        # How often each image is drawn: all networks are judged on the same draws, which pairs them.
        images = len(labels)
        self._weights = rng.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)

    def interval(self, network: str, measure: str) -> Interval:
        """A measure, mean over the trainings; test images are resampled, the same for every training."""
        return self._interval(*self._values(network, measure))

    def difference(self, network: str, other: str, measure: str) -> Interval:
        """By how much `network` is better than `other`, mean over the trainings, on the same resampled images."""
        own, drawn = self._values(network, measure)
        its, its_drawn = self._values(other, measure)
        return self._interval(own - its, drawn - its_drawn)

    def _values(self, network: str, name: str) -> tuple[float, Values]:
        measure = measure_named(name)
        cells = self.labels * self.classes + self.predicted[network]
        found, drawn = [], []
        for row in cells:
            found.append(float(measure(self._confusions(row, np.ones((1, len(row)))))[0]))
            drawn.append(measure(self._confusions(row, self._weights)))
        return float(np.mean(found)), np.mean(drawn, axis=0)

    def _confusions(self, cells: Predictions, weights: Values) -> npt.NDArray[np.int64]:
        one_hot = np.zeros((len(cells), self.classes**2))
        one_hot[np.arange(len(cells)), cells] = 1
        counts = (weights @ one_hot).round().astype(np.int64)
        return counts.reshape(-1, self.classes, self.classes)

    @staticmethod
    def _interval(value: float, drawn: Values) -> Interval:
        low, high = np.percentile(drawn, (2.5, 97.5))
        return Interval(value, float(low), float(high))


def read_predictions(directories: Sequence[Path], classes: Sequence[str]) -> tuple[Predictions, Predictions]:
    """True classes (images,) and predicted ones (directories, images) of models that were judged on the same images.

    Raises:
        ModelError: a file is missing, cut off, or about other images.
    """
    number = {name: position for position, name in enumerate(classes)}
    images: list[str] | None = None
    labels, predicted = [], []
    for directory in directories:
        path = directory / PREDICTIONS
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            names = [row["image"] for row in rows]
            labels = [number[row["class"]] for row in rows]
            predicted.append([number[row["predicted"]] for row in rows])
        except (OSError, KeyError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: not the predictions of a model ({error}); train it anew") from None
        if images is not None and names != images:
            raise ModelError(f"{path}: predictions for other images than those of {directories[0]}; train it anew")
        images = names
    return np.array(labels, dtype=np.int64), np.array(predicted, dtype=np.int64)
