"""Objectives that a tabular benchmark has measured: error on a data set, latency and energy on a device."""

from __future__ import annotations

from typing import NamedTuple

from coernas_moo.nb201 import DATASETS
from coernas_moo.objectives.objective import OBJECTIVES, Objective

ERROR, TEST_ERROR, LATENCY, ENERGY = "error", "test_error", "latency", "energy"

LATENCY_DEVICES = (
    "edgegpu",
    "raspi4",
    "pixel3",
    "fpga",
    "eyeriss",
    "edgetpu",
    "samsung_a50",
    "1080ti_1",
    "gold_6226",
)
ENERGY_DEVICES = ("edgegpu",)


class TableColumn(NamedTuple):
    """What is read: `error`, `test_error`, `latency` or `energy`, and on which data set or device."""

    kind: str
    where: str


def table_column(objective: str) -> TableColumn | None:
    """The column that an objective reads, None for an objective that is no table's.

    Example:
        >>> table_column("latency:edgegpu"), table_column("params")
        (TableColumn(kind='latency', where='edgegpu'), None)
    """
    if OBJECTIVES[objective].needs != "table":
        return None
    kind, _, where = objective.partition(":")
    return TableColumn(kind, where)


def _register(kind: str, where: str, unit: str, description: str) -> None:
    OBJECTIVES.add(f"{kind}:{where}", Objective(f"{kind}:{where}", "min", unit, "table", description))


for _dataset in DATASETS:
    _register(ERROR, _dataset, "%", f"validation error on {_dataset} after training, from the benchmark's table")
    _register(TEST_ERROR, _dataset, "%", f"test error on {_dataset} after training, from the benchmark's table")
for _device in LATENCY_DEVICES:
    _register(LATENCY, _device, "ms", f"latency measured on {_device}, from the benchmark's table")
for _device in ENERGY_DEVICES:
    _register(ENERGY, _device, "mJ", f"energy of one inference on {_device}, from the benchmark's table")
