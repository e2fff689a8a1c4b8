"""What several trainings of several networks say together: means, deviations, intervals, paired differences."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Truth:
    """A test part.

    Args:
        images: names.
        labels: true classes (images,).
    """

    images: tuple[str, ...]
    labels: Predictions


class Judgement:
    """Test predictions of networks, several trainings each, all networks of one training on the same images.

    Args:
        tests: the test part of each training; their images, and how many, may differ.
        predicted: by network, the predicted classes (images,) of each training.
        classes: number of them.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    def __init__(
        self,
        tests: Sequence[Truth],
        predicted: Mapping[str, Sequence[Predictions]],
        classes: int,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        self.tests, self.predicted, self.classes = tests, predicted, classes
        rng = np.random.default_rng(seed)
        # How often each image is drawn. All networks are judged on the same draws, which pairs them; so are trainings
        # that are judged on the same images, while other images are other draws.
        draws: dict[tuple[str, ...], Values] = {}
        for test in tests:
            if test.images not in draws:
                images = len(test.images)
                draws[test.images] = rng.multinomial(images, np.full(images, 1 / images), size=resamples).astype(float)
        self._weights = [draws[test.images] for test in tests]

    def interval(self, network: str, measure: str) -> Interval:
        """A measure, mean over the trainings; test images are resampled within each training."""
        return self._interval(*self._values(network, measure))

    def difference(self, network: str, other: str, measure: str) -> Interval:
        """By how much `network` is better than `other`, mean over the trainings, on the same resampled images."""
        own, drawn = self._values(network, measure)
        its, its_drawn = self._values(other, measure)
        return self._interval(own - its, drawn - its_drawn)

    def _values(self, network: str, name: str) -> tuple[float, Values]:
        measure = measure_named(name)
        found, drawn = [], []
        for test, predicted, weights in zip(self.tests, self.predicted[network], self._weights, strict=True):
            cells = test.labels * self.classes + predicted
            found.append(float(measure(self._confusions(cells, np.ones((1, len(cells)))))[0]))
            drawn.append(measure(self._confusions(cells, weights)))
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


def read_predictions(directory: Path, test: Truth, classes: Sequence[str]) -> Predictions:
    """Predicted classes (images,) of a model that was judged on this test part.

    Raises:
        ModelError: the file is missing, cut off, or about other images.
    """
    number = {name: position for position, name in enumerate(classes)}
    path = directory / PREDICTIONS
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        images = tuple(row["image"] for row in rows)
        labels, predicted = (
            np.array([number[row[column]] for row in rows], dtype=np.int64) for column in ("class", "predicted")
        )
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not the predictions of a model ({error}); train it anew") from None
    if images != test.images or not np.array_equal(labels, test.labels):
        raise ModelError(f"{path}: predictions for other images than those of the test part; train it anew")
    return predicted
