"""Classes that are grades in order: what can be one, and what is told about a scale."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from coernas_moo.errors import DataError


def check_grades(classes: Sequence[str], source: object) -> tuple[str, ...]:
    """Look whether classes can be grades, and tell about grades that have no image, one line in all.

    Grades are whole numbers from 0, or names whose order as text is their order. A distance between grades counts
    those that have an image, so a gap in the scale makes its neighbours look closer than they are.

    Args:
        classes: names, in order.
        source: the table or folder, for messages.

    Raises:
        DataError: some classes are numbers and others are not, or one is negative.

    Example:
        >>> check_grades(["0", "1", "4"], "eyes.csv")
        ('the scale 0 to 4 of eyes.csv has gaps: no image has 2 or 3; kappa counts 1 and 4 as neighbours',)
        >>> check_grades(["-1", "0", "1"], "eyes.csv")
        Traceback (most recent call last):
        ...
        coernas_moo.errors.DataError: eyes.csv: '-1' is no grade; ordinal classes are whole numbers from 0: correct \
or remove its images, or set data.ordinal = false
    """
    numbers = [_whole(name) for name in classes]
    if all(number is None for number in numbers):
        return ()
    for name, number in zip(classes, numbers, strict=True):
        if number is None or number < 0:
            raise DataError(
                f"{source}: {name!r} is no grade; ordinal classes are whole numbers from 0: correct or remove its "
                "images, or set data.ordinal = false"
            )
    grades = [number for number in numbers if number is not None]
    pairs = [(low, high) for low, high in pairwise(grades) if high - low > 1]
    if not pairs:
        return ()
    short = {2: "{0}", 3: "{0} or {1}"}
    gaps = [short.get(high - low, "{0} to {1}").format(low + 1, high - 1) for low, high in pairs]
    neighbours = ", ".join(f"{low} and {high}" for low, high in pairs)
    return (
        f"the scale {grades[0]} to {grades[-1]} of {source} has gaps: no image has {' or '.join(gaps)}; kappa counts "
        f"{neighbours} as neighbours",
    )


def _whole(name: str) -> int | None:
    return int(name) if name.removeprefix("-").isdecimal() else None
