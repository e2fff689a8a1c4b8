"""Which images are trained on, which choose the epoch, and which are kept untouched until the end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coernas_moo.errors import DataError
from coernas_moo.training.recipe import Recipe

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """Rows of the three parts, sorted; together all rows, none twice.

    Args:
        train: to train on.
        validation: to choose the epoch by; empty where the recipe wants none.
        test: to judge the finished network by.
        notices: what a user should know, one line each.
    """

    train: Rows
    validation: Rows
    test: Rows
    notices: tuple[str, ...] = ()


def divide(
    labels: npt.NDArray[np.int64], names: Sequence[str], own: Sequence[str], classes: Sequence[str], recipe: Recipe
) -> Division:
    """The data's own split where it has one; what it lacks is taken from its training images.

    The random part is stratified: every class gives its share, rounded, and keeps at least one image to train on.
    With `recipe.group_by`, images of one group stay together, and shares are met as closely as groups allow; of names
    such as `train/3/17_left.png` the pattern sees what lies in the folder of the class, `17_left.png`.

    Args:
        labels: class numbers (n,).
        names: of the images, n of them.
        own: for each image the split of the data set that it belongs to: `train`, `val` or `test`.
        classes: names of the classes.
        recipe: shares, seed and pattern.

    Raises:
        DataError: a class cannot be split, or has no image to train on.
    """
    splits = np.asarray(own)
    groups = None
    if recipe.group_by:
        inside = [_inside_class(name, classes[label]) for name, label in zip(names, labels, strict=True)]
        groups = group_numbers(inside, recipe.group_by)
    pool = np.flatnonzero(splits == "train")
    fixed = {name: np.flatnonzero(splits == name) for name in ("val", "test")}
    wanted = {
        "test": 0.0 if len(fixed["test"]) else recipe.test_share,
        "val": 0.0 if len(fixed["val"]) else recipe.validation_share,
    }
    _require_enough(labels, names, pool, groups, classes, wanted["test"] > 0)
    rng = np.random.default_rng(recipe.split_seed)
    carve = _carve_rows if groups is None else _carve_groups
    test, validation, train = (
        pool[rows] for rows in carve(labels[pool], (wanted["test"], wanted["val"]), rng, groups, pool)
    )
    division = Division(
        train, fixed["val"] if len(fixed["val"]) else validation, fixed["test"] if len(fixed["test"]) else test
    )
    return Division(
        division.train,
        division.validation,
        division.test,
        (
            *_absent(division, labels, classes),
            *_leaks(division, groups),
            *_alone(groups, recipe.group_by),
            *_unused(division, recipe),
        ),
    )


def group_numbers(names: Sequence[str], pattern: str) -> npt.NDArray[np.int64]:
    """Number of the group of each name: what the pattern's first group, or the whole pattern, matches in it.

    Raises:
        DataError: the pattern matches nothing in one of the names.

    Example:
        >>> group_numbers(["17_left", "17_right", "4_left"], "^[^_]+").tolist()
        [0, 0, 1]
    """
    compiled = re.compile(pattern)
    known: dict[str, int] = {}
    numbers = []
    for name in names:
        match = compiled.search(name)
        if match is None:
            raise DataError(
                f"group_by: {pattern!r} matches nothing in {name!r}; give a pattern that finds every image's group, "
                "for example '^[^_]+' for what stands before the first '_'"
            )
        text = match.group(1) if compiled.groups and match.group(1) is not None else match.group(0)
        numbers.append(known.setdefault(text, len(known)))
    return np.array(numbers, dtype=np.int64)


def _inside_class(name: str, label: str) -> str:
    """An image's path within the folder of its class, so that a group may have images of several classes.

    Example:
        >>> _inside_class("train/3/17_left.png", "3"), _inside_class("17_left", "3")
        ('17_left.png', '17_left')
    """
    folders = name.split("/")[:-1][:2]
    return name.split("/", folders.index(label) + 1)[-1] if label in folders else name


def _require_enough(
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    pool: Rows,
    groups: Rows | None,
    classes: Sequence[str],
    test_is_carved: bool,
) -> None:
    for number, name in enumerate(classes):
        members = pool[labels[pool] == number]
        if not len(members):
            raise DataError(f"class {name!r} has no images to train on; add some, or remove the class")
        if not test_is_carved:
            continue
        if len(members) == 1:
            raise DataError(
                f"class {name!r} has one image only, {names[members[0]]!r}; it needs two at least, one to train on and "
                "one to test on: add images, correct the label, or remove the class"
            )
        if groups is not None and len(np.unique(groups[members])) == 1:
            raise DataError(
                f"all images of class {name!r} are in one group, which cannot be both trained on and tested on: "
                "add images of other groups, or change group_by"
            )


def _carve_rows(
    labels: npt.NDArray[np.int64], shares: tuple[float, float], rng: np.random.Generator, _groups: object, _pool: object
) -> tuple[Rows, Rows, Rows]:
    """Test, validation and training rows, class by class."""
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for number in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == number))
        test = _share_of(len(members), shares[0], len(members) - 1)
        if shares[0] > 0:
            test = max(1, test)
        validation = _share_of(len(members), shares[1], len(members) - test - 1)
        for part, rows in zip(parts, np.split(members, [test, test + validation]), strict=True):
            part.extend(rows.tolist())
    test_rows, validation_rows, train_rows = (np.array(sorted(part), dtype=np.int64) for part in parts)
    return test_rows, validation_rows, train_rows


def _share_of(count: int, share: float, most: int) -> int:
    return max(0, min(most, int(count * share + 0.5)))


def _carve_groups(
    labels: npt.NDArray[np.int64],
    shares: tuple[float, float],
    rng: np.random.Generator,
    groups: npt.NDArray[np.int64] | None,
    pool: Rows,
) -> tuple[Rows, Rows, Rows]:
    """Test, validation and training rows, group by group: each goes where its classes are most wanted still.

    Large groups go first, as long as there is room to even out what they bring; among equals chance decides.
    """
    assert groups is not None
    _, own = np.unique(groups[pool], return_inverse=True)
    count, classes = int(own.max()) + 1, int(labels.max()) + 1
    contents = np.zeros((count, classes))
    np.add.at(contents, (own, labels), 1)
    totals = contents.sum(axis=0)
    goal = np.array([shares[0], shares[1], 1 - sum(shares)])
    wanted = goal[:, None] * totals
    place = np.zeros(count, dtype=np.int64)
    order = rng.permutation(count)
    for group in order[np.argsort(-contents[order].sum(axis=1), kind="stable")]:
        # A rare class weighs as much as a frequent one.
        need = (wanted * contents[group] / np.maximum(totals, 1) ** 2).sum(axis=1)
        need[goal == 0] = -np.inf
        place[group] = int(need.argmax())
        wanted[place[group]] -= contents[group]
    _give_each_class(place, contents, goal)
    parts = [np.flatnonzero(place[own] == part) for part in range(3)]
    return parts[0], parts[1], parts[2]


def _give_each_class(place: Rows, contents: npt.NDArray[np.float64], goal: npt.NDArray[np.float64]) -> None:
    """Move single groups so that training, then testing, has every class.

    No part loses the last group of a class so, but for training, which cannot do without.
    """
    test, validation, train = range(3)
    for part, givers in ((train, (validation, test)), (test, (validation, train))):
        if goal[part] == 0:
            continue
        for number in range(contents.shape[1]):
            if contents[place == part, number].any():
                continue
            having = [group for group in np.flatnonzero(contents[:, number]).tolist() if place[group] in givers]
            spared = [group for group in having if _can_spare(place, contents, group, validation)]
            candidates = spared or (having if part == train else [])
            if candidates:
                place[min(candidates, key=lambda group: contents[group].sum())] = part


def _can_spare(place: Rows, contents: npt.NDArray[np.float64], group: int, validation: int) -> bool:
    """Whether the group's part keeps each of its classes without it; validation need not."""
    if place[group] == validation:
        return True
    others = (place == place[group]) & (np.arange(len(place)) != group)
    return bool(contents[others].sum(axis=0)[contents[group] > 0].all())


def _absent(division: Division, labels: npt.NDArray[np.int64], classes: Sequence[str]) -> list[str]:
    """A line for each part that lacks a class."""
    lines = []
    for name, rows in (("validation", division.validation), ("test", division.test)):
        if len(rows):
            missing = [classes[number] for number in range(len(classes)) if not (labels[rows] == number).any()]
            if missing:
                lines.append(f"the {name} part has no image of {', '.join(map(repr, missing))}")
    return lines


def _leaks(division: Division, groups: npt.NDArray[np.int64] | None) -> list[str]:
    """A line where the data's own split tears groups apart."""
    if groups is None:
        return []
    seen = set(groups[division.train].tolist())
    return [
        f"{torn} of the groups in the {name} part are trained on too: the data's own split tears them apart"
        for name, rows in (("validation", division.validation), ("test", division.test))
        if (torn := len(seen & set(groups[rows].tolist())))
    ]


def _alone(groups: npt.NDArray[np.int64] | None, pattern: str) -> list[str]:
    """A line where no two images are in one group."""
    if groups is None or len(np.unique(groups)) < len(groups):
        return []
    return [
        f"group_by: {pattern!r} puts every image in a group of its own, so nothing is kept together; give a pattern "
        "for what the names of images that belong together share"
    ]


def _unused(division: Division, recipe: Recipe) -> list[str]:
    """A line where the recipe chooses or stops by what is not there."""
    if len(division.validation):
        if recipe.select != "last" or not recipe.patience:
            return []
        return [
            "train.select = 'last' keeps the last epoch's weights, so "
            f"train.patience = {recipe.patience} stops nothing; set train.select to accuracy, f1, kappa or loss"
        ]
    asked = [f"train.select = {recipe.select!r}"] if recipe.select != "last" else []
    asked += [f"train.patience = {recipe.patience}"] if recipe.patience else []
    if not asked:
        return []
    return [
        f"there is no validation part, so {' and '.join(asked)} do{'es' * (len(asked) == 1)} nothing and the last "
        "epoch's weights are kept; set train.validation_share to have one"
    ]
