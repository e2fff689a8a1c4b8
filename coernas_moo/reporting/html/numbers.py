"""Numbers as they stand in the page's data: short, and null where not known."""

from __future__ import annotations

import math
from collections.abc import Iterable

DIGITS = 6
"""Significant digits: more than a reader sees; the exports hold them all."""

_LARGEST_WHOLE = 2**53
"""Beyond it, JavaScript's whole numbers are not exact."""


def short(value: float) -> float | None:
    """The value to `DIGITS` significant digits, as an int where it is whole; None where it is not finite.

    Example:
        >>> short(0.123456789), short(1234567.0), short(float("nan"))
        (0.123457, 1234567, None)
    """
    if not math.isfinite(value):
        return None
    if float(value).is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    return float(f"{value:.{DIGITS}g}")


def shorts(values: Iterable[float]) -> list[float | None]:
    """Each value as `short` makes it."""
    return [short(value) for value in values]
