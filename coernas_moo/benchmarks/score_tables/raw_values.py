"""Raw proxy values of NAS-Bench-201 cells in CSV files, one a set of proxies: what the tables are made of.

A file is written line by line, so a call that was interrupted goes on where it stopped, and what is complete is never
measured again: where one proxy changes, only the files that hold it are made anew.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.evaluation.task import Measured, ScoringTask
from coernas_moo.evaluation.workers import Outcome, WorkerPool
from coernas_moo.files import write_atomically
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies import PROXIES
from coernas_moo.spaces import NASBench201

OnCandidate = Callable[[int, int], None]

HEAD = ("architecture", "seed", "seconds")


@dataclass(frozen=True)
class Measurement:
    """Proxies that are measured together, on which networks, and how.

    Args:
        name: of the file.
        proxies: names.
        seeds: one initialisation each.
        cells, size, batch: cells a stage, side of the Gaussian images, how many of them.
        nominal: networks as the benchmark lists them, dead edges and all; otherwise their canonical forms, of which
            equal functions share one.
        cells_drawn: a random sample of so many architectures; by default all, in random order. A larger sample holds
            the smaller one.
        formulas: number of the formulas of the proxies; a file that was made with another one is refused.
        images: real images are given instead of Gaussian ones.
    """

    name: str
    proxies: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    cells: int = 1
    size: int = 16
    batch: int = 32
    nominal: bool = False
    cells_drawn: int | None = None
    formulas: int = 0
    images: bool = False

    @property
    def space(self) -> NASBench201:
        """The networks at the fidelity at which they are measured."""
        return NASBench201(Shape(3, self.size, self.size), 10, cells=self.cells, merge=not self.nominal)

    @property
    def protocol(self) -> str:
        """As JSON, without the size of the sample: a larger sample goes on with the file of a smaller one."""
        parts = {name: value for name, value in asdict(self).items() if name != "cells_drawn"}
        return json.dumps(parts, indent=1) + "\n"

    def csv(self, folder: Path) -> Path:
        """The file of values."""
        return folder / f"{self.name}.csv"

    def json(self, folder: Path) -> Path:
        """What is measured, beside it."""
        return folder / f"{self.name}.json"


@dataclass(frozen=True, eq=False)
class RawValues:
    """A complete measurement.

    Args:
        texts: of every network measured once.
        rows: rows of the table that these stand for, in random order, shape (n,).
        position: of each of these rows in `texts`, shape (n,).
        values: by (proxy, seed), one a text, shape (texts,).
        seconds: of all proxies of one network and seed in a worker, median.
    """

    measurement: Measurement
    texts: tuple[str, ...]
    rows: NDArray[np.int64]
    position: NDArray[np.int64]
    values: Mapping[tuple[str, int], NDArray[np.float64]]
    seconds: float

    def first(self, count: int) -> RawValues:
        """The same of the first rows only."""
        return replace(self, rows=self.rows[:count], position=self.position[:count])

    def of_rows(self, proxy: str, seed: int) -> NDArray[np.float64]:
        """Values of one proxy for `rows`, shape (n,)."""
        return self.values[proxy, seed][self.position]

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position in `texts` by text."""
        return {text: position for position, text in enumerate(self.texts)}


def measure(
    table: TabularBenchmark,
    measurement: Measurement,
    folder: Path,
    *,
    workers: int,
    images: Tensor | None = None,
    again: bool = False,
    on_candidate: OnCandidate | None = None,
) -> RawValues:
    """Values of a measurement: those in its file, and what is missing, measured now.

    Args:
        table: lists the architectures.
        measurement: what to measure.
        folder: of the file; made where it is absent.
        workers: processes.
        images: shape (n, 3, size, size), where the measurement is one on images and not complete.
        again: throw away what the file holds.
        on_candidate: told (done, of how many).

    Raises:
        RunError: the file holds another measurement, or cannot be written.
        CoernasError: a proxy is unknown, or images are needed.
    """
    for name in measurement.proxies:
        PROXIES[name]
    space = measurement.space
    drawn = np.random.default_rng(0).permutation(len(table))[: measurement.cells_drawn]
    listed = [space.to_text(space.canonical(space.from_text(table.architectures[row]))) for row in drawn]
    texts = tuple(dict.fromkeys(listed))
    path = _own_file(measurement, folder, again)
    found = {(text, seed): values for text, seed, values in read_values(path, measurement.proxies)}
    wanted = [(text, seed) for seed in measurement.seeds for text in texts]
    done = sum(key in found for key in wanted)
    for seed in measurement.seeds:
        todo = [text for text in texts if (text, seed) not in found]
        if not todo:
            continue
        if measurement.images and images is None:
            raise CoernasError(f"{path}: {len(todo)} networks are still to be measured on images: give --images FOLDER")
        task = ScoringTask(
            space, space, measurement.proxies, measurement.batch, 1, seed, images, (), (), refuse_nan=False
        )
        items = [tuple(int(code) for code in space.from_text(text)) for text in todo]
        with WorkerPool[tuple[int, ...], Measured](task, workers) as pool, _appending(path) as append:
            for position, outcome in pool.run(items):
                row = _row(measurement.proxies, outcome)
                append([todo[position], str(seed), *(f"{value:.9g}" for value in row)])
                found[todo[position], seed] = row
                done += 1
                if on_candidate is not None:
                    on_candidate(done, len(wanted))
    index = {text: position for position, text in enumerate(texts)}
    columns = np.array([[found[text, seed] for text in texts] for seed in measurement.seeds])
    values = {
        (proxy, seed): columns[i, :, 1 + j]
        for i, seed in enumerate(measurement.seeds)
        for j, proxy in enumerate(measurement.proxies)
    }
    where = np.array([index[text] for text in listed], dtype=np.int64)
    return RawValues(measurement, texts, drawn, where, values, float(np.median(columns[:, :, 0])))


def read_values(path: Path, proxies: Sequence[str]) -> list[tuple[str, int, list[float]]]:
    """Architecture, seed, and seconds followed by the proxies' values, of every line that was written to its end."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line for line in file if line.endswith("\n")]
    reader = csv.DictReader(lines)
    columns = ("seconds", *proxies)
    return [(row["architecture"], int(row["seed"]), [float(row[name]) for name in columns]) for row in reader]


def _row(proxies: Sequence[str], outcome: Outcome[Measured]) -> list[float]:
    """Seconds and values; a network that cannot be measured has no values."""
    values = outcome.value.proxies if outcome.value is not None else {}
    return [outcome.seconds, *(values.get(name, float("nan")) for name in proxies)]


def _own_file(measurement: Measurement, folder: Path, again: bool) -> Path:
    """The measurement's file with its head, begun where it is absent."""
    path, protocol = measurement.csv(folder), measurement.json(folder)
    text = measurement.protocol
    if path.exists() and not again:
        if not protocol.exists() or protocol.read_text(encoding="utf-8") != text:
            raise RunError(
                f"{path}: was not measured as {measurement.name!r} is measured now (see {protocol.name}); "
                f"measure it again with --again {measurement.name}"
            )
        content = path.read_text(encoding="utf-8")
        if not content.endswith("\n"):
            write_atomically(path, content[: content.rfind("\n") + 1])
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be made: {error.strerror}; give another folder") from None
    path.unlink(missing_ok=True)
    write_atomically(protocol, text)
    write_atomically(path, ",".join((*HEAD, *measurement.proxies)) + "\n")
    return path


class _appending:
    """Lines are on their way to the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Callable[[Sequence[str]], None]:
        self.file = self.path.open("a", encoding="utf-8", newline="", buffering=1)
        writer = csv.writer(self.file, lineterminator="\n")

        def append(row: Sequence[str]) -> None:
            try:
                writer.writerow(row)
            except OSError as error:
                raise RunError(f"{self.path}: cannot be written: {error.strerror}; what is in it is kept") from None

        return append

    def __exit__(self, *_: object) -> None:
        self.file.close()
