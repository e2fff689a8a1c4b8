"""Evaluation by looking a table up: no network is built."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.errors import DataError, ProblemFileError
from coernas_moo.evaluation.batch import AtOnce, OnRecord
from coernas_moo.evaluation.costs import ClosedFormCosts, wanted_objectives
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.networks.shape import Shape
from coernas_moo.objectives import ERROR, TEST_ERROR, table_column
from coernas_moo.plugins import contents_of
from coernas_moo.spaces import Genotype, NASBench201, SearchSpace

MACS_OF_BIAS = 10
"""The benchmark counts the additions of the classifier's bias among its operations; we do not."""


def uses_table(problem: ProblemFile) -> bool:
    """Whether some objective is read from a table."""
    return any(table_column(name) is not None for name in wanted_objectives(problem))


def builds_networks(problem: ProblemFile) -> bool:
    """Whether candidates have to be built, or the table says all.

    Raises:
        ProblemFileError: score and trained error are wanted together.
    """
    wanted = wanted_objectives(problem)
    if not uses_table(problem):
        return True
    if "score" in wanted and any(is_error(name) for name in wanted):
        raise ProblemFileError(
            f"problem {problem.name!r}: the score stands for the error before training: search one or the other"
        )
    return "score" in wanted


def is_error(objective: str) -> bool:
    """Whether an objective is an error after training, which only an evaluation tells."""
    return objective.partition(":")[0] in (ERROR, TEST_ERROR)


def column(table: TabularBenchmark, objective: str) -> NDArray[np.float64]:
    """Values of an objective for every row of the table, shape (n,), NaN where the device cannot run it.

    Raises:
        DataError: the table has no such column.
    """
    if objective == "params":
        return np.rint(table.params_m * 1e6)
    if objective == "macs":
        return np.rint(table.flops_m * 1e6) - MACS_OF_BIAS
    read = table_column(objective)
    if read is None:
        raise DataError(f"the table has no column for objective {objective!r}")
    if read.kind in (ERROR, TEST_ERROR):
        return 100.0 - table.accuracy(read.where, "valid" if read.kind == ERROR else "test")
    by_device = table.latency_ms if read.kind == "latency" else table.energy_mj
    if read.where not in by_device:
        raise DataError(f"the table has no {read.kind} of {read.where}; it has {', '.join(by_device) or 'none'}")
    return by_device[read.where]


class TableCosts(ClosedFormCosts):
    """Closed-form costs with the devices' measurements on top: what a table knows without training.

    Args:
        problem: names objectives and limits.
        space: NAS-Bench-201 at the benchmark's size.
        snapshot: as for `ClosedFormCosts`.
        table: the benchmark.

    Raises:
        ProblemFileError: the space is not the table's.
        DataError: the table lacks a column that is needed.
    """

    def __init__(self, problem: ProblemFile, space: SearchSpace, snapshot: Path, table: TabularBenchmark) -> None:
        super().__init__(problem, space, snapshot)
        if not isinstance(space, NASBench201) or (space.channels, space.cells) != (16, 5):
            raise ProblemFileError(
                "objectives read from the NAS-Bench-201 table need its space: "
                "[space] kind = 'nasbench201' with channels = 16 and cells = 5"
            )
        if (space.input_shape, space.classes) != (Shape(3, 32, 32), 10):
            shape = space.input_shape
            raise ProblemFileError(
                "the NAS-Bench-201 table knows networks for images of 3x32x32 in 10 classes, [data] has "
                f"{shape.channels}x{shape.height}x{shape.width} in {space.classes}"
            )
        self.table = table
        wanted = wanted_objectives(problem)
        in_table = [name for name in wanted if name in ("params", "macs") or table_column(name) is not None]
        apart = [name for name in wanted if name not in in_table and name != "score"]
        if apart:
            raise ProblemFileError(
                f"{apart[0]} cannot stand beside objectives and limits of the NAS-Bench-201 table: leave it out, or "
                "take one of the table's (latency:<device>, energy:<device>, error:<data set>)"
            )
        self.trained = tuple(name for name in wanted if is_error(name))
        self.columns = {name: column(table, name) for name in in_table}
        free = [name for name in in_table if name not in self.trained]
        self._free = np.stack([self.columns[name] for name in free], axis=1)
        self._names = free
        self.all_limits = problem.parsed_limits
        self.limits = tuple(limit for limit in problem.parsed_limits if limit.objective in free)
        self._rows = np.full(space.cardinalities, -1, dtype=np.int64)
        named = np.array([table.operations == option for option in space.options], dtype=np.bool_)
        inside = np.flatnonzero(np.all(named.any(axis=0), axis=1))
        self._rows[tuple(named.argmax(axis=0)[inside].T)] = inside

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        """Which rows of the table have all values and meet all limits, those on errors included; shape (n,)."""
        usable = np.all([np.isfinite(values) for values in self.columns.values()], axis=0)
        for limit in self.all_limits:
            if limit.objective in self.columns:
                usable &= np.array([limit.violation(value) <= 0 for value in self.columns[limit.objective]])
        return np.asarray(usable, dtype=np.bool_)

    def rows(self, genotypes: Sequence[Genotype] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The table's rows of genotypes, shape (n,)."""
        codes = np.asarray(genotypes, dtype=np.int64).reshape(-1, len(self.space.genes))
        rows: NDArray[np.int64] = self._rows[tuple(codes.T)]
        if (rows < 0).any():
            missing = self.space.to_text(codes[int((rows < 0).argmax())])
            raise DataError(f"the table has no architecture {missing}")
        return rows

    def of(self, genotypes: Sequence[Genotype], names: Collection[str] | None = None) -> list[dict[str, float]]:
        """All costs by name, errors excepted: these are what an evaluation tells."""
        return [dict(zip(self._names, values, strict=True)) for values in self._free[self.rows(genotypes)].tolist()]

    def values(self, genotypes: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """As `of` has them, NaN for the others."""
        known = [i for i, name in enumerate(names) if name in self._names]
        values = np.full((len(genotypes), len(names)), np.nan)
        values[:, known] = self._free[self.rows(genotypes)][:, [self._names.index(names[i]) for i in known]]
        return values


class TableEvaluator(AtOnce):
    """Makes records from a table; nothing has to be kept of them but in a run, whose journal holds them all."""

    def __init__(self, costs: TableCosts) -> None:
        self.costs = costs

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """Records of canonical genotypes, in their order; None for those not reached before a stop."""
        records: list[Record | None] = [None] * len(genotypes)
        space = self.costs.space
        rows = self.costs.rows(genotypes)
        for position, costs in enumerate(self.costs.of(genotypes)):
            text = space.to_text(genotypes[position])
            if self.costs.violation(costs) > 0:
                records[position] = Record(text, costs=costs, over_limit=True)
                continue
            trained = {name: float(self.costs.columns[name][rows[position]]) for name in self.costs.trained}
            unknown = [name for name, value in {**costs, **trained}.items() if np.isnan(value)]
            failure = f"the table has no {unknown[0]} for it" if unknown else None
            record = Record(text, costs={**costs, **trained}, failure=failure, tries=1)
            records[position] = record
            if on_record is not None and not on_record(record):
                break
        return records


class JournalledTable(TableEvaluator):
    """The same in a run: records are in its journal, and a resumed run reads them there.

    Raises:
        RunError: the journal cannot be used, or holds evaluations made with other settings.
    """

    busy_seconds = 0.0

    def __init__(self, costs: TableCosts, problem: ProblemFile, journal_path: Path) -> None:
        super().__init__(costs)
        settings: list[object] = [problem.space, problem.objectives, problem.limits]
        if problem.plugins:
            settings.append(contents_of(problem.plugins))
        made_with = zlib.crc32(json.dumps(settings).encode())
        for values in costs.columns.values():
            made_with = zlib.crc32(values.tobytes(), made_with)
        self.journal = Journal(journal_path, f"table {made_with:08x}", problem.search.seed)
        self.journal.require_one_run()

    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """As `TableEvaluator`; a record is on disk before it is told."""

        def keep(record: Record) -> bool:
            self.journal.write(record)
            return on_record is None or on_record(record)

        return super().evaluate(genotypes, keep)

    def __enter__(self) -> JournalledTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.journal.close()


def open_costs(problem: ProblemFile, space: SearchSpace, snapshot: Path) -> ClosedFormCosts:
    """Closed-form costs of a problem, with the table's where it reads one.

    Raises:
        ProblemFileError: score and trained error are wanted together, or the space is not the table's.
        DataError: there is no table, or it lacks a column.
    """
    builds_networks(problem)
    if not uses_table(problem):
        return ClosedFormCosts(problem, space, snapshot)
    return TableCosts(problem, space, snapshot, TabularBenchmark.load())


def open_evaluator(
    problem: ProblemFile, costs: ClosedFormCosts, dataset: Dataset, journal_path: Path
) -> Evaluator | JournalledTable:
    """What evaluates a problem's candidates: workers that build them, or the table."""
    if isinstance(costs, TableCosts) and not builds_networks(problem):
        return JournalledTable(costs, problem, journal_path)
    return Evaluator(problem, costs, dataset, journal_path)
