"""NAS-Bench-201 as a table: measured accuracy, size and latency of every architecture.

The file is an npz without pickled objects: `arch` (architecture strings); `<dataset>/<split>` (accuracy in per cent);
`cifar10/params_m` and `cifar10/flops_m`; `latency_ms/<device>` and `hw/<device>_latency` (milliseconds, negative
where a device cannot run the architecture); `hw/<device>_energy` (millijoules). A CSV file has the same columns, its
first row their names. Every array has one row an architecture, in the order of `arch`.
Source of the figures: Dong & Yang 2020 (NAS-Bench-201), Dong et al. 2021 (NATS-Bench), Lee et al. 2021 (HELP),
Li et al. 2021 (HW-NAS-Bench).
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coernas_moo.errors import DataError, GenotypeError
from coernas_moo.files import write_atomically
from coernas_moo.nb201 import DATASETS

DATA_VARIABLE = "COERNAS_DATA"


class Column(NamedTuple):
    """Names one column of accuracies: `split` is valid or test (200 epochs), or valid_12 or test_12 (12 epochs)."""

    dataset: str
    split: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.split}"


@dataclass(frozen=True, eq=False)
class TabularBenchmark:
    """The table, one row an architecture; all arrays have shape (n,).

    Args:
        architectures: official architecture strings.
        accuracies: per cent.
        params_m: trainable parameters of the nominal network for CIFAR-10, in millions.
        flops_m: its MACs for one image in millions; the benchmark also counts the classifier's bias, one a class.
        latency_ms: milliseconds by device; NaN where the device cannot run the architecture.
        energy_mj: millijoules of one inference by device, NaN likewise.
    """

    architectures: tuple[str, ...]
    accuracies: Mapping[Column, NDArray[np.float64]]
    params_m: NDArray[np.float64]
    flops_m: NDArray[np.float64]
    latency_ms: Mapping[str, NDArray[np.float64]]
    energy_mj: Mapping[str, NDArray[np.float64]]

    @classmethod
    def load(cls, path: Path | None = None) -> TabularBenchmark:
        """Reads the table from `path`, by default `nb201/nb201.npz` under the folder that `COERNAS_DATA` names.

        Raises:
            DataError: there is no such file, or it is not this table.
        """
        path = _default_path() if path is None else path
        if not path.is_file():
            raise DataError(f"no NAS-Bench-201 table at {path}; {_HOW_TO_GET}")
        if path.suffix.lower() == ".csv":
            return cls._from_columns(path, _read_csv(path))
        try:
            with path.open("rb") as opened, np.lib.npyio.NpzFile(opened, allow_pickle=False) as file:
                columns = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{path} is not a readable npz file ({error}); {_HOW_TO_GET}") from error
        return cls._from_columns(path, columns)

    @classmethod
    def _from_columns(cls, path: Path, columns: Mapping[str, NDArray[np.generic]]) -> TabularBenchmark:
        for name in ("arch", "cifar10/params_m", "cifar10/flops_m"):
            if name not in columns:
                raise DataError(f"{path} has no column {name!r}; {_HOW_TO_GET}")
        rows = len(columns["arch"])
        for name, values in columns.items():
            if values.shape != (rows,):
                raise DataError(f"{path}: column {name!r} has shape {values.shape}, but 'arch' has {rows} rows")
            if (values.dtype.kind == "U") != (name == "arch"):
                raise DataError(f"{path}: column {name!r} holds {values.dtype}; 'arch' holds text, the others numbers")
        accuracies: dict[Column, NDArray[np.float64]] = {}
        latency: dict[str, NDArray[np.float64]] = {}
        energy: dict[str, NDArray[np.float64]] = {}
        for name, values in columns.items():
            group, _, key = name.partition("/")
            if group in DATASETS and key.split("_")[0] in ("valid", "test"):
                accuracies[Column(group, key)] = values.astype(np.float64)
            elif group == "latency_ms" or (group == "hw" and key.endswith("_latency")):
                milliseconds = values.astype(np.float64)
                latency[key.removesuffix("_latency")] = np.where(milliseconds < 0, np.nan, milliseconds)
            elif group == "hw" and key.endswith("_energy"):
                millijoules = values.astype(np.float64)
                energy[key.removesuffix("_energy")] = np.where(millijoules < 0, np.nan, millijoules)
        return cls(
            architectures=tuple(columns["arch"].tolist()),
            accuracies=accuracies,
            params_m=columns["cifar10/params_m"].astype(np.float64),
            flops_m=columns["cifar10/flops_m"].astype(np.float64),
            latency_ms=latency,
            energy_mj=energy,
        )

    @classmethod
    def read_official(cls, folder: Path) -> dict[str, NDArray[np.generic]]:
        """Columns of the official NATS-Bench topology directory (`NATS-tss-v1_0-3ffb9-simple`), by `nats-bench`.

        Its files are pickles, which the package loads: take the directory from nowhere but its authors.

        Raises:
            DataError: the package `nats-bench` is not installed, or the folder is not such a directory.
        """
        try:
            create = importlib.import_module("nats_bench").create
        except ImportError:
            raise DataError("reading NATS-Bench needs its package: pip install nats-bench") from None
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the unpacked NATS-tss-v1_0-3ffb9-simple")
        try:
            api = create(str(folder), "tss", fast_mode=True, verbose=False)
        except _UNREADABLE as error:
            raise DataError(
                f"{folder}: not a NATS-Bench topology directory ({error}); give the unpacked NATS-tss-v1_0-3ffb9-simple"
            ) from None
        return official_columns(api)

    def __len__(self) -> int:
        return len(self.architectures)

    def accuracy(self, dataset: str, split: str = "test") -> NDArray[np.float64]:
        """Accuracy of every architecture in per cent, shape (n,).

        Raises:
            DataError: the table has no such column.
        """
        try:
            return self.accuracies[Column(dataset, split)]
        except KeyError:
            known = ", ".join(map(str, self.accuracies))
            raise DataError(f"the table has no accuracy {dataset}/{split}; it has {known}") from None

    def row(self, text: str) -> int:
        """The row of an official architecture string.

        Raises:
            GenotypeError: the table does not hold it.
        """
        try:
            return self._rows[text]
        except KeyError:
            raise GenotypeError(
                f"the table has no architecture {text!r}; write it like {self.architectures[0]}"
            ) from None

    @cached_property
    def operations(self) -> NDArray[np.str_]:
        """Operation of each edge, in the order of the string, shape (n, 6)."""
        edges = [[part for part in text.replace("+", "").split("|") if part] for text in self.architectures]
        return np.array([[edge.partition("~")[0] for edge in row] for row in edges])

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {text: row for row, text in enumerate(self.architectures)}


_UNREADABLE = (AssertionError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError)
"""What `nats-bench` raises on files that are missing or broken."""

SPLITS: Mapping[str, tuple[str, str]] = {
    "cifar10": ("x-valid", "ori-test"),
    "cifar100": ("x-valid", "x-test"),
    "ImageNet16-120": ("x-valid", "x-test"),
}
"""Names that NATS-Bench gives to validation and test split."""


def official_columns(api: Any) -> dict[str, NDArray[np.generic]]:
    """The table's columns from a NATS-Bench API object, means over the trained seeds, of 12 and of 200 epochs.

    Raises:
        DataError: an architecture's file is missing or broken.
    """
    columns: dict[str, list[float]] = {}
    names = []
    for index in range(len(api)):
        names.append(str(api.arch(index)))
        try:
            # Each query copies all that is known of the architecture, so there is one for each number of epochs.
            results = {epochs: api.query_meta_info_by_index(index, epochs) for epochs in ("200", "12")}
        except _UNREADABLE as error:
            raise DataError(
                f"architecture {index} of {len(api):,} cannot be read ({error}); is the directory unpacked completely?"
            ) from None
        # The API keeps every file it has read.
        api.arch2infos_dict.pop(index, None)
        cost = results["12"].get_compute_costs("cifar10")
        columns.setdefault("cifar10/params_m", []).append(float(cost["params"]))
        columns.setdefault("cifar10/flops_m", []).append(float(cost["flops"]))
        for dataset, splits in SPLITS.items():
            for epochs, suffix in (("200", ""), ("12", "_12")):
                # The validation split of CIFAR-10 was held out in a training of its own.
                for name, split in zip(("valid", "test"), splits, strict=True):
                    trained = "cifar10-valid" if (dataset, name) == ("cifar10", "valid") else dataset
                    info = results[epochs].get_metrics(trained, split)
                    columns.setdefault(f"{dataset}/{name}{suffix}", []).append(float(info["accuracy"]))
    return {
        "arch": np.array(names),
        **{name: np.array(values, dtype=np.float32) for name, values in columns.items()},
    }


def save_columns(columns: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Write a table that `TabularBenchmark.load` reads, as npz.

    Raises:
        RunError: it cannot be written.
    """
    content = io.BytesIO()
    arrays: dict[str, Any] = dict(columns)
    np.savez_compressed(content, **arrays)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())


def _read_csv(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({error}); {_HOW_TO_GET}") from None
    if len(rows) < 2:
        raise DataError(f"{path} has no rows; {_HOW_TO_GET}")
    head, *body = rows
    columns: dict[str, NDArray[np.generic]] = {}
    for position, name in enumerate(head):
        try:
            cells = [row[position] for row in body]
            columns[name] = np.array(cells) if name == "arch" else np.array(cells, dtype=np.float64)
        except (IndexError, ValueError):
            raise DataError(f"{path}: column {name!r} does not hold a number in every row") from None
    return columns


_HOW_TO_GET = (
    "write one with 'coernas nb201 import DIR' (DIR: the NATS-Bench directory) and pass its path,"
    f" or set {DATA_VARIABLE} to the folder that holds nb201/nb201.npz"
)


def _default_path() -> Path:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        raise DataError(f"{DATA_VARIABLE} is not set, so there is no NAS-Bench-201 table; {_HOW_TO_GET}")
    return Path(folder) / "nb201" / "nb201.npz"
