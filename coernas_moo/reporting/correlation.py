"""Files of a correlation: the rows as CSV, the protocol, a scatter and a radar plot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from coernas_moo.benchmarks.correlation import Correlation
from coernas_moo.benchmarks.ranking import ranked_last
from coernas_moo.benchmarks.tabular import TabularBenchmark
from coernas_moo.files import write_atomically
from coernas_moo.reporting.figure import new_figure, save_figure


def rows_as_dicts(result: Correlation) -> list[dict[str, Any]]:
    """One flat mapping a row, in column order."""
    return [
        {
            "name": row.name,
            "dataset": row.dataset,
            **asdict(row.quality),
            "tau_std": row.tau_std,
            "tau_low": row.tau_low,
            "tau_high": row.tau_high,
        }
        for row in result.rows
    ]


def write_correlation(result: Correlation, table: TabularBenchmark, folder: Path) -> None:
    """Write `correlation.csv`, `protocol.json`, `scatter.png` and `radar.png` into `folder`."""
    rows = rows_as_dicts(result)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "correlation.csv", text.getvalue())
    protocol = {
        **asdict(result.protocol),
        "architectures": result.architectures,
        "functions": result.functions,
        "seconds_per_candidate": result.seconds_per_candidate,
    }
    write_atomically(folder / "protocol.json", json.dumps(protocol, indent=1) + "\n")
    _scatter(result, table, folder / "scatter.png")
    _radar(rows, result.protocol.datasets, folder / "radar.png")
