"""Repeated random sub-sampling: every seed trains, and is judged, on a division of the images of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from coernas_moo.config import ProblemFile
from coernas_moo.errors import ProblemFileError
from coernas_moo.seeds import LARGEST_SEED
from coernas_moo.training.data import TrainingData, open_divisions


@dataclass(frozen=True)
class Repetition:
    """One training of every network.

    Args:
        seed: of the trainings, from 1.
        problem: the compared problem, with this repetition's `train.split_seed`.
        data: the images, divided by it.
    """

    seed: int
    problem: ProblemFile
    data: TrainingData


def repetitions(problem: ProblemFile, count: int) -> tuple[Repetition, ...]:
    """Seeds s = 1 to `count`, each with the division of `split_seed` + s.

    The division of `train.split_seed` itself is left for choosing recipes, so what was tuned on it is judged on others.
    Where the data brings its own test part, that stays, and only the random validation part changes. Images are
    decoded once.

    Args:
        problem: resolved problem.
        count: number of them, at least 1.

    Raises:
        DataError: there are no images, or they cannot be divided.
        ProblemFileError: `train.split_seed` leaves no room for so many.
    """
    first = problem.train.split_seed
    if first > LARGEST_SEED - count:
        raise ProblemFileError(
            f"train.split_seed: {first} leaves no room for {count} more divisions; at most {LARGEST_SEED - count}"
        )
    seeds = range(1, count + 1)
    recipes = [msgspec.structs.replace(problem.train, split_seed=first + seed) for seed in seeds]
    return tuple(
        Repetition(seed, msgspec.structs.replace(problem, train=recipe), data)
        for seed, recipe, data in zip(seeds, recipes, open_divisions(problem, recipes), strict=True)
    )


def warnings_of(repeated: Sequence[Repetition]) -> tuple[str, ...]:
    """What a user should know of the images, each line once; what not all divisions share says whose it is."""
    told: dict[str, list[int]] = {}
    for one in repeated:
        for message in dict.fromkeys(one.data.warnings):
            told.setdefault(message, []).append(one.seed)
    return tuple(
        message if len(seeds) == len(repeated) else f"seed {', '.join(map(str, seeds))}: {message}"
        for message, seeds in told.items()
    )
