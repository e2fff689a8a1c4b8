"""Successive halving: how many go on, who they are, and how long rungs may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coernas_moo.errors import CoernasError


@dataclass(frozen=True)
class Rung:
    """One round.

    Args:
        candidates: that take part.
        epochs: that each of them is trained for at its end, earlier rungs included.
    """

    candidates: int
    epochs: int


def best_first(validation: Mapping[int, float | None], images: int | None = None) -> list[int]:
    """Numbers of candidates, best first.

    Differences that `images` validation images cannot tell do not count: accuracies are sorted into steps of one
    standard error of the best, sqrt(a (1 - a) / images), counted down from it. Within a step the better score leads,
    which is the lower number. A candidate that failed comes last.

    Args:
        validation: accuracy, a share, by candidate number; None where it failed.
        images: that the accuracies were measured on; None takes every difference for real.

    Example:
        >>> best_first({1: 0.90, 2: 0.91, 3: 0.80, 4: None}, images=100)
        [1, 2, 3, 4]
        >>> best_first({1: 0.90, 2: 0.91, 3: 0.80, 4: None})
        [2, 1, 3, 4]
    """
    best = max((value for value in validation.values() if value is not None), default=0.0)
    # A perfect score is no proof of a perfect network: one more image might have been wrong.
    at = min(best, 1 - 0.5 / images) if images else best
    step = math.sqrt(max(at * (1 - at), 0.0) / images) if images else 0.0

    def key(number: int) -> tuple[float, int]:
        value = validation[number]
        if value is None:
            return math.inf, number
        lost = best - value
        return (math.floor(lost / step + 1e-9) if step else lost), number

    return sorted(validation, key=key)


def sizes(candidates: int) -> list[int]:
    """Candidates of each rung: half of the one before, rounded up, until two are left.

    Example:
        >>> sizes(20), sizes(2), sizes(1)
        ([20, 10, 5, 3, 2], [2], [])
    """
    found = []
    while candidates > 1:
        found.append(candidates)
        candidates = math.ceil(candidates / 2)
    return found


def rungs_of(first: int, candidates: int, most: int) -> list[Rung]:
    """Rungs whose first has `first` epochs and in which those that go on have twice as many epochs more each time.

    No rung goes beyond `most` epochs, the whole recipe, and there is none after one that has them.

    Example:
        >>> [(rung.candidates, rung.epochs) for rung in rungs_of(2, 20, 30)]
        [(20, 2), (10, 6), (5, 14), (3, 30)]
    """
    found: list[Rung] = []
    for place, size in enumerate(sizes(candidates)):
        if found and found[-1].epochs == most:
            break
        found.append(Rung(size, min(most, first * (2 ** (place + 1) - 1))))
    return found


def epochs_of(rungs: Sequence[Rung]) -> int:
    """Epochs that rungs take, all candidates together."""
    before, total = 0, 0
    for rung in rungs:
        total += rung.candidates * (rung.epochs - before)
        before = rung.epochs
    return total


def longest(candidates: int, most: int, fits: Callable[[Sequence[Rung]], bool]) -> list[Rung]:
    """The longest rungs that fit; fewer candidates where not even one epoch of each does.

    Args:
        candidates: to begin with.
        most: epochs of the whole recipe.
        fits: whether the budget pays for rungs.

    Raises:
        CoernasError: it does not pay for two candidates.
    """
    if candidates == 1:
        return []
    for count in range(candidates, 1, -1):
        able = [first for first in range(1, most + 1) if fits(rungs_of(first, count, most))]
        if able:
            return rungs_of(max(able), count, most)
    raise CoernasError("the budget does not pay for one epoch of two candidates; give a larger one")
