"""Processes that ask one evaluator: nothing is evaluated for two of them, and they end with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import MakeProblem

from coernas_moo.config import ProblemFile
from coernas_moo.datasets.noise import Noise
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.side_by_side import Asking, side_by_side
from coernas_moo.networks.layers import Shape
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.spaces import Genotype, SearchSpace

SHAPE = Shape(1, 8, 8)


def networks(space: SearchSpace, n: int) -> list[Genotype]:
    rows = {space.canonical(row).tobytes(): space.canonical(row) for row in space.sample(60, np.random.default_rng(0))}
    return list(rows.values())[:n]


@dataclass(frozen=True)
class Asks:
    """Asks for networks by number, two batches at a time; other items are misfortunes."""

    problem: ProblemFile
    folder: Path

    def costs(self) -> ClosedFormCosts:
        return ClosedFormCosts(self.problem, self.problem.space_settings.build(SHAPE, 3), self.folder / "latency.json")

    def __call__(self, item: Any, evaluator: Asking) -> Any:
        match item:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise CoernasError("no good")
            case "pid":
                return os.getpid()
        rows = networks(evaluator.costs.space, max(item) + 1)
        wanted = [rows[number] for number in item]
        batches = [evaluator.begin(wanted[:2]), evaluator.begin(wanted[2:]), evaluator.begin([])]
        records = [record for batch in batches for record in evaluator.finish(batch)]
        # Costs that this process works out, and those of the records.
        return [
            (record.text, dict(record.proxies), dict(record.costs), costs)
            for record, costs in zip(records, evaluator.costs.of(wanted), strict=True)
            if record is not None
        ]


def opened(problem: ProblemFile, folder: Path) -> Evaluator:
    costs = Asks(problem, folder).costs()
    costs.keep()
    return Evaluator(problem, costs, Noise(SHAPE, 3), folder / "journal")


def asked(problem: ProblemFile, folder: Path, items: list[Any], processes: int) -> Iterator[Any]:
    with opened(problem, folder) as evaluator:
        yield from side_by_side(Asks(problem, folder), items, evaluator, processes)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_several_ask_for_is_evaluated_once(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    for module in ("workers", "side_by_side"):
        monkeypatch.setattr(
            f"coernas_moo.evaluation.{module}.start_context", lambda: multiprocessing.get_context(method)
        )
    problem = tiny()
    (tmp_path / "alone").mkdir()
    with opened(problem, tmp_path / "alone") as evaluator:
        rows = networks(evaluator.costs.space, 8)
        records = [record for record in evaluator.evaluate(rows) if record is not None]
    items = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [7, 0, 1, 6]]
    for answers in asked(problem, tmp_path, items, 2):
        texts = [text for text, *_ in answers]
        expected = {record.text: record for record in records}
        assert texts in [[records[number].text for number in item] for item in items]
        for text, proxies, costs, own in answers:
            assert proxies == expected[text].proxies
            assert costs == own == expected[text].costs
    journalled = Counter(record.text for record in read_all(tmp_path / "journal"))
    assert journalled == Counter(record.text for record in records)


def test_more_processes_than_items_and_none_at_all(tmp_path: Path, tiny: MakeProblem) -> None:
    assert len(list(asked(tiny(), tmp_path, [[0, 1]], 3))) == 1
    assert list(asked(tiny(), tmp_path, [], 2)) == []


def test_a_process_does_one_item_after_the_other(tmp_path: Path, tiny: MakeProblem) -> None:
    assert len(set(asked(tiny(), tmp_path, ["pid"] * 3, 1))) == 1


def test_operators_are_measured_by_the_parent(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path / "cache"))
    measure = LatencyTable.measure

    def noted(table: LatencyTable, work: Any) -> int:
        with (tmp_path / "measured").open("a") as file:
            file.write(f"{os.getpid()}\n")
        return measure(table, work)

    monkeypatch.setattr(LatencyTable, "measure", noted)
    for answers in asked(tiny(objectives=["score", "latency_ms"]), tmp_path, [[0, 1, 2], [2, 1, 3]], 2):
        assert all(costs == own for _, _, costs, own in answers)
    assert set((tmp_path / "measured").read_text().split()) == {str(os.getpid())}


def test_what_a_process_raises_is_raised(tmp_path: Path, tiny: MakeProblem) -> None:
    with pytest.raises(CoernasError, match="no good") as caught:
        list(asked(tiny(), tmp_path, ["raise", [0, 1, 2]], 2))
    assert "in __call__" in caught.value.__notes__[0]
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_named(tmp_path: Path, tiny: MakeProblem) -> None:
    with pytest.raises(CoernasError, match=r"at kill ended before its time \(killed by SIGKILL .*call again"):
        list(asked(tiny(), tmp_path, ["kill", [0, 1, 2]], 2))
    assert not multiprocessing.active_children()


def test_closing_ends_the_processes(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny()
    with opened(problem, tmp_path) as evaluator:
        answers = side_by_side(Asks(problem, tmp_path), ["pid", "pid", [0, 1]], evaluator, 2)
        pid = next(answers)
        assert pid in {child.pid for child in multiprocessing.active_children()}
        answers.close()
        assert pid not in {child.pid for child in multiprocessing.active_children()}
        # The evaluator goes on.
        assert len(evaluator.evaluate(networks(evaluator.costs.space, 3))) == 3
