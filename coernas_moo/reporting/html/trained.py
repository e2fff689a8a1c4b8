"""What is known of networks of a run that were trained: `models/NAME/metrics.json`."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import msgspec

from coernas_moo.errors import RunWarning
from coernas_moo.reporting import format as fmt

Scalar = str | float | int | bool

_FIRST = ("accuracy", "balanced_accuracy", "f1_macro", "parameters", "params", "macs", "latency_ms")
_SHARES = frozenset(("accuracy", "balanced_accuracy", "f1_macro"))
_LONG = frozenset(("genotype",))


class TrainedModel(msgspec.Struct, frozen=True):
    """One trained network: its folder's name, and the scalars of its metrics."""

    name: str
    metrics: dict[str, Scalar]


def trained_models(run: Path) -> list[TrainedModel]:
    """The trained networks in a run's directory, by name; a file that cannot be read is left out, with a warning."""
    found = []
    for path in sorted((run / "models").glob("*/metrics.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            warnings.warn(f"{path}: cannot be read and is left out: {error}", RunWarning, stacklevel=2)
            continue
        if not isinstance(document, Mapping):
            warnings.warn(f"{path}: not a JSON object and left out", RunWarning, stacklevel=2)
            continue
        found.append(TrainedModel(path.parent.name, {str(k): v for k, v in document.items() if _is_scalar(v)}))
    return found


def trained_table(models: list[TrainedModel]) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows, the best known metrics first, long texts left out.

    Example:
        >>> trained_table([TrainedModel("knee", {"macs": 1e6, "accuracy": 0.97512, "genotype": "conv3:max"})])
        (['model', 'accuracy', 'MACs'], [['knee', '97.51 %', '1.00 M']])
    """
    names = dict.fromkeys(name for model in models for name in model.metrics if name not in _LONG)
    columns = [name for name in _FIRST if name in names] + sorted(set(names) - set(_FIRST))
    rows = [[model.name, *(_text(name, model.metrics.get(name)) for name in columns)] for model in models]
    return ["model", *map(fmt.label, columns)], rows


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _text(name: str, value: Scalar | None) -> str:
    if value is None:
        return fmt.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if name in _SHARES and 0 <= value <= 1:
        return f"{100 * value:.2f} %"
    return fmt.value("params" if name == "parameters" else name, value)
