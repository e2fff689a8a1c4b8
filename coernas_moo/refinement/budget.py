"""A budget as people write it: `10m`, `600s`, `1h30m`, `90`."""

from __future__ import annotations

import math
import re

from coernas_moo.errors import CoernasError

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_TEXT = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII)


def seconds_of(text: str) -> float:
    """Seconds of a duration; a number without a unit is seconds.

    Raises:
        CoernasError: it is no duration, or none above 0.

    Example:
        >>> seconds_of("10m"), seconds_of("1h30m"), seconds_of("90"), seconds_of("0.5h")
        (600.0, 5400.0, 90.0, 1800.0)
    """
    match = _TEXT.fullmatch(text.strip().lower().replace(" ", ""))
    parts = match.groups() if match is not None else (None, None, None)
    seconds = sum(float(part) * _SECONDS[unit] for part, unit in zip(parts, "hms", strict=True) if part is not None)
    if not seconds or not math.isfinite(seconds):
        raise CoernasError(f"--budget {text}: no duration; write it like 10m, 600s, 1h30m, or 90 for seconds")
    return seconds
