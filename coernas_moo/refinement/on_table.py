"""Refinement with accuracies read from the NAS-Bench-201 table instead of trainings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from coernas_moo.errors import DataError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.files import held_by_one
from coernas_moo.refinement.candidates import candidates_of
from coernas_moo.refinement.course import Judged, RefineListener, entries, run_rungs
from coernas_moo.refinement.document import (
    REFINEMENTS,
    RefineDocument,
    RefineRung,
    read_document,
    require_same,
    write_document,
)
from coernas_moo.search.run import Run
from coernas_moo.spaces import NASBench201

SHORT, FULL = 12, 200
"""Epochs that the benchmark trained for."""

LAST = 5
"""So many candidates are looked at after the full training."""


def is_table_space(run: Run) -> bool:
    """Whether the networks of a run are those of the table."""
    space = run.space
    return isinstance(space, NASBench201) and (space.channels, space.cells) == (16, 5)


def columns_of(table: TabularBenchmark, dataset: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Validation accuracies after 12 and after 200 epochs, as shares, shape (n,) each.

    Raises:
        DataError: the table lacks one of them.
    """
    try:
        return table.accuracy(dataset, "valid_12") / 100, table.accuracy(dataset, "valid") / 100
    except DataError as error:
        raise DataError(f"{error}; refinement needs {dataset}/valid_12, {dataset}/valid and {dataset}/test") from None


def pick_from_table(
    rows: Sequence[int], short: NDArray[np.float64], full: NDArray[np.float64], last: int = LAST
) -> int:
    """The row that is left of `rows`, the best score first: 12 epochs for all, 200 for the best `last`.

    Ties go to the better score.

    Example:
        >>> pick_from_table([2, 0, 1], np.array([0.5, 0.7, 0.6]), np.array([0.9, 0.7, 0.8]), last=2)
        2
    """
    candidates = np.asarray(rows)
    kept = candidates[np.argsort(-short[candidates], kind="stable")[:last]]
    kept = candidates[np.isin(candidates, kept)]
    return int(kept[np.argmax(full[kept])])


def refine_on_table(
    run: Run,
    table: TabularBenchmark,
    *,
    dataset: str = "cifar10",
    name: str = "refined",
    candidates: int = 20,
    last: int = LAST,
    anew: bool = False,
    listener: RefineListener | None = None,
) -> tuple[RefineDocument, Path]:
    """Refine a run of NAS-Bench-201 with the table's validation accuracies; takes no time, and any budget pays for it.

    Args:
        run: whose leaders are refined.
        table: of accuracies.
        dataset: of the table.
        name: of the refinement.
        candidates: at most so many.
        last: so many of them are looked at after 200 epochs.
        anew: forget a refinement of that name.
        listener: told about candidates.

    Returns:
        What came of it, and the directory that holds `refine.json`.

    Raises:
        CoernasError: the run or the table cannot be used, or another refinement of that name is there.
    """
    short, full = columns_of(table, dataset)
    test = table.accuracy(dataset)
    listener = listener or RefineListener()
    folder = run.directory.path / REFINEMENTS / name
    chosen = candidates_of(run, candidates)
    rows = {one.number: table.row(one.genotype) for one in chosen}
    plan = [
        RefineRung(candidates=len(chosen), epochs=SHORT),
        RefineRung(candidates=min(last, len(chosen)), epochs=FULL),
    ]
    document = RefineDocument(
        name=name,
        problem=run.problem.name,
        source="table",
        asked={"candidates": str(candidates), "last": str(last)},
        seed=run.problem.search.seed,
        recipe=None,
        data=dataset,
        validation_images=None,
        rungs=tuple(plan) if len(chosen) > 1 else (),
        planned_seconds=None,
        candidates=entries(chosen),
    )
    existing = None if anew else read_document(folder)
    if existing is not None:
        require_same(
            existing,
            folder,
            source="table",
            asked=document.asked,
            seed=document.seed,
            recipe=None,
            data=dataset,
        )
    with held_by_one(folder, "in use by another refinement; wait for it", "give a run that can be written"):
        listener.planned(document)

        def judge(numbers: Sequence[int], rung: int) -> list[Judged]:
            values = short if rung == 0 else full
            return [(number, float(values[rows[number]]), 0.0, None) for number in numbers]

        document = run_rungs(document, judge, lambda _: None, listener)
        assert document.winner is not None
        document = msgspec.structs.replace(
            document,
            status="finished",
            before=float(test[rows[document.candidates[0].number]]) / 100,
            after=float(test[rows[document.winner]]) / 100,
        )
        write_document(document, folder)
    return document, folder
