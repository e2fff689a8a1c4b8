"""Numbers as people read them: three significant digits, with a unit."""

from __future__ import annotations

import math

from coernas_moo.objectives import OBJECTIVES

UNKNOWN = "–"
"""What stands for a number that is not known."""

_PREFIXES = ("", "k", "M", "G", "T")


def _three_digits(value: float) -> str:
    """Three significant digits, at most two decimals."""
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:.{decimals}f}"


def count(number: float) -> str:
    """A number of things.

    Example:
        >>> count(950), count(1_234_567), count(45_600), count(999_960)
        ('950', '1.23 M', '45.6 k', '1.00 M')
    """
    if not math.isfinite(number):
        return UNKNOWN
    if abs(number) < 999.5:
        return f"{number:.0f}" if float(number).is_integer() else _three_digits(number)
    exponent = 0
    while abs(number) >= 999.5 and exponent < len(_PREFIXES) - 1:
        number /= 1000
        exponent += 1
    return f"{_three_digits(number)} {_PREFIXES[exponent]}"


def milliseconds(value: float) -> str:
    """A latency given in milliseconds.

    Example:
        >>> milliseconds(0.412), milliseconds(12.345), milliseconds(1500), milliseconds(0.0871)
        ('0.41 ms', '12.3 ms', '1.50 s', '87.1 µs')
    """
    if not math.isfinite(value):
        return UNKNOWN
    if value >= 999.5:
        return f"{_three_digits(value / 1000)} s"
    return f"{_three_digits(value)} ms" if value >= 0.1 else f"{_three_digits(value * 1000)} µs"


def duration(seconds: float) -> str:
    """A time that passed, given in seconds.

    Example:
        >>> duration(9.34), duration(59.9), duration(125), duration(7320)
        ('9.3 s', '1 min 00 s', '2 min 05 s', '2 h 02 min')
    """
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def share(part: float, total: float) -> str:
    """Part of a total as a percentage.

    Example:
        >>> share(1, 8), share(1, 1000), share(0, 10), share(1, 0)
        ('12.5 %', '0.1 %', '0 %', '0 %')
    """
    percent = 100 * part / total if total else 0.0
    return "0 %" if percent == 0 else "<0.1 %" if percent < 0.05 else f"{percent:.1f} %"


def unit(name: str) -> str:
    """Unit of an objective or of another recorded cost, `ms` where the name ends so.

    Example:
        >>> unit("latency_ms"), unit("latency_iqr_ms"), unit("params")
        ('ms', 'ms', '')
    """
    if name in OBJECTIVES:
        return OBJECTIVES[name].unit
    return "ms" if name.endswith("_ms") else ""


def value(name: str, number: float) -> str:
    """The value of an objective or of another recorded cost, with its unit.

    Example:
        >>> value("score", 0.87654), value("params", 1_234_567), value("latency_ms", 0.5), value("score", float("nan"))
        ('0.877', '1.23 M', '0.50 ms', '–')
    """
    if not math.isfinite(number):
        return UNKNOWN
    if name == "score":
        return f"{number:.3f}"
    if unit(name) == "ms":
        return milliseconds(number)
    whole = float(number).is_integer() or abs(number) >= 999.5
    return f"{count(number) if whole else f'{number:.4g}'} {unit(name)}".rstrip()


_LABELS = {"latency_ms": "latency", "macs": "MACs", "params": "params"}
_LONG_LABELS = {"params": "parameters", "macs": "MACs (one image)", "score": "score", "latency_ms": "latency"}


_OF_A_TABLE = {
    "error": "validation error on {}",
    "test_error": "test error on {}",
    "latency": "latency on {}",
    "energy": "energy on {}",
}


def label(objective: str) -> str:
    """The objective's name as a column heading; units stand in the cells."""
    return _LABELS.get(objective, objective)


def axis_label(objective: str) -> str:
    """The objective's name beside an axis, without its unit.

    Example:
        >>> axis_label("params"), axis_label("latency:fpga"), axis_label("error:cifar10")
        ('parameters', 'latency on fpga', 'validation error on cifar10')
    """
    kind, _, where = objective.partition(":")
    if where and kind in _OF_A_TABLE:
        return _OF_A_TABLE[kind].format(where)
    return _LONG_LABELS.get(objective, objective)


def axis_title(objective: str) -> str:
    """The objective's name beside an axis, with its unit.

    Example:
        >>> axis_title("params"), axis_title("latency_ms"), axis_title("error:cifar10")
        ('parameters', 'latency, ms', 'validation error on cifar10, %')
    """
    return f"{axis_label(objective)}, {unit(objective)}" if unit(objective) else axis_label(objective)


def short(number: float) -> str:
    """A tick's text, without decimals that say nothing.

    Example:
        >>> short(2_000_000), short(1_500), short(0.25)
        ('2 M', '1.5 k', '0.25')
    """
    digits, space, prefix = count(number).partition(" ")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits}{space}{prefix}"


def percent(share: float) -> str:
    """A share as a percentage.

    Example:
        >>> percent(0.98765)
        '98.77 %'
    """
    return f"{100 * share:.2f} %"
