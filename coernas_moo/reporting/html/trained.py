"""What is known of networks of a run that were trained: `models/NAME/metrics.json`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import msgspec

from coernas_moo.errors import ModelError, RunWarning
from coernas_moo.reporting.training_view import metrics_columns, metrics_row
from coernas_moo.training.assess import Metrics, read_metrics
from coernas_moo.training.spec import METRICS


class TrainedModel(msgspec.Struct, frozen=True):
    """One trained network, as the panel shows it beside the network's drawing.

    Args:
        name: of the model.
        network: its genotype, or the name of a well-known network.
        said: its measures on the test part.
    """

    name: str
    network: str
    said: str


def trained_metrics(run: Path) -> list[Metrics]:
    """Of the trained networks in a run's directory, by name; a file that cannot be read is left out, with a warning."""
    found = []
    for path in sorted((run / "models").glob(f"*/{METRICS}")):
        try:
            found.append(read_metrics(path.parent))
        except ModelError as error:
            warnings.warn(f"left out of the report: {error}", RunWarning, stacklevel=2)
    return found


def trained_models(found: Sequence[Metrics]) -> list[TrainedModel]:
    """What the panel says of them."""
    return [
        TrainedModel(
            metrics.name,
            metrics.network,
            f"accuracy {100 * metrics.test.accuracy:.1f} %, macro F1 {100 * metrics.test.f1_macro:.1f} % "
            f"on {metrics.test.images:,} test images",
        )
        for metrics in found
    ]


def trained_table(found: Sequence[Metrics]) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows, those of `coernas train`."""
    columns = metrics_columns(found)
    return ["model", *columns], [metrics_row(metrics, "kappa" in columns) for metrics in found]
