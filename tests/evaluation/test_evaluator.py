from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coernas_moo.config import ProblemFile
from coernas_moo.datasets.digits import Digits
from coernas_moo.datasets.noise import Noise
from coernas_moo.errors import RunError
from coernas_moo.evaluation import evaluator as module
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.task import ScoringTask
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.networks.layers import Shape
from coernas_moo.objectives import register_network_objective
from coernas_moo.objectives.latency import Latency
from coernas_moo.objectives.latency_table import LatencyTable
from coernas_moo.proxies import Trace, register_proxy
from coernas_moo.spaces import Genotype

MakeProblem = Callable[..., ProblemFile]
SHAPE = Shape(1, 8, 8)


def open_evaluator(problem: ProblemFile, folder: Path, dataset: Any = None) -> Evaluator:
    space = problem.space_settings.build(SHAPE, 3)
    costs = ClosedFormCosts(problem, space, folder / "latency.json")
    costs.keep()
    return Evaluator(problem, costs, dataset or Noise(SHAPE, 3), folder / "journal")


def genotypes(evaluator: Evaluator, n: int = 6) -> list[Genotype]:
    space = evaluator.costs.space
    rows = {space.canonical(row).tobytes(): space.canonical(row) for row in space.sample(50, np.random.default_rng(0))}
    return list(rows.values())[:n]


def values(records: list[Record | None]) -> list[Any]:
    assert all(record is not None and record.scored for record in records)
    return [(record.text, dict(record.proxies), dict(record.costs)) for record in records if record is not None]


def test_workers_find_the_same_in_any_number(tmp_path: Path, tiny: MakeProblem) -> None:
    found = []
    for workers in (1, 2):
        (tmp_path / str(workers)).mkdir()
        with open_evaluator(tiny(evaluation__workers=workers), tmp_path / str(workers)) as evaluator:
            rows = genotypes(evaluator)
            found.append(values(evaluator.evaluate(rows)))
            assert [text for text, _, _ in found[-1]] == [evaluator.costs.space.to_text(row) for row in rows]
    assert found[0] == found[1]


def test_what_is_in_the_journal_is_not_evaluated_again(tmp_path: Path, tiny: MakeProblem) -> None:
    with open_evaluator(tiny(), tmp_path) as evaluator:
        first = evaluator.evaluate(genotypes(evaluator, 3))
    with open_evaluator(tiny(), tmp_path) as evaluator:
        again = evaluator.evaluate(genotypes(evaluator, 4))
    assert again[:3] == first
    assert again[3] is not None
    assert again[3].scored


def test_other_scoring_is_refused_on_the_same_journal(tmp_path: Path, tiny: MakeProblem) -> None:
    with open_evaluator(tiny(), tmp_path) as evaluator:
        evaluator.evaluate(genotypes(evaluator, 1))
    for changed in (tiny(score__repeats=2), tiny(search__seed=6), tiny(space__base_width=8)):
        with pytest.raises(RunError, match="made with other settings"):
            open_evaluator(changed, tmp_path)


def test_repeats_and_real_images_matter(tmp_path: Path, tiny: MakeProblem) -> None:
    found = []
    for index, problem in enumerate(
        [tiny(), tiny(score__repeats=2), tiny(data={"kind": "digits"}, score__input="data")]
    ):
        (tmp_path / str(index)).mkdir()
        with open_evaluator(problem, tmp_path / str(index), Digits()) as evaluator:
            found.append(values(evaluator.evaluate(genotypes(evaluator, 2))))
    assert len({str(proxies) for proxies in found}) == 3


def test_a_stop_leaves_the_rest_undone(tmp_path: Path, tiny: MakeProblem) -> None:
    seen: list[Record] = []

    def until_two(record: Record) -> bool:
        seen.append(record)
        return len(seen) < 2

    with open_evaluator(tiny(), tmp_path) as evaluator:
        rows = genotypes(evaluator)
        records = evaluator.evaluate(rows, until_two)
        assert [record is not None for record in records] == [True, True, False, False, False, False]
        # What is known is returned, and nothing more is begun.
        seen.clear()
        records = evaluator.evaluate(rows, until_two)
        assert [record is not None for record in records] == [True, True, False, False, False, False]


def test_spawned_workers_know_the_parts_of_plugins(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coernas_moo.evaluation.workers.start_context", lambda: multiprocessing.get_context("spawn"))
    (tmp_path / "parts.py").write_text(
        "import coernas_moo\n"
        "from coernas_moo.networks.layers import Conv\n"
        "@coernas_moo.register_unit('plain1')\n"
        "def plain1(in_channels, out_channels):\n"
        "    return Conv(in_channels, out_channels, 1)\n"
    )
    problem = tiny(plugins=[str(tmp_path / "parts.py")], space__units=["plain1"])
    with open_evaluator(problem, tmp_path) as evaluator:
        assert len(values(evaluator.evaluate(genotypes(evaluator, 2)))) == 2


def test_what_breaks_a_limit_is_never_built(tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    score = ScoringTask.__call__
    log = tmp_path / "log"

    def spy(self: ScoringTask, genotype: tuple[int, ...]) -> Any:
        with log.open("a") as file:
            file.write(json.dumps(genotype) + "\n")
        return score(self, genotype)

    monkeypatch.setattr(ScoringTask, "__call__", spy)
    with open_evaluator(tiny(limits=["params <= 400"]), tmp_path) as evaluator:
        rows = genotypes(evaluator, 12)
        records = evaluator.evaluate(rows)
    built = [json.loads(line) for line in log.read_text().splitlines()]
    over = [record for record in records if record is not None and record.over_limit]
    assert 0 < len(over) < 12
    assert len(built) == 12 - len(over)
    assert all(record.costs["params"] > 400 and not record.proxies for record in over)


def test_a_candidate_with_a_nan_is_tried_twice_and_recorded(tmp_path: Path, tiny: MakeProblem) -> None:
    @register_proxy("test-nan", needs=(), source="a test")
    def nan(trace: Trace) -> float:
        return float("nan")

    with open_evaluator(tiny(score__proxies=["robustness", "test-nan"]), tmp_path) as evaluator:
        (record,) = evaluator.evaluate(genotypes(evaluator, 1))
    assert record is not None
    assert (record.failure, record.tries, dict(record.proxies)) == ("CoernasError: test-nan is NaN", 2, {})
    assert record.costs["params"] > 0


def test_objectives_of_the_built_network_are_computed_at_full_size(tmp_path: Path, tiny: MakeProblem) -> None:
    @register_network_objective("test-side")
    def side(network: Any, shape: Shape) -> float:
        assert not any(weight.isnan().any() for weight in network.parameters())
        return float(shape.height + sum(weight.numel() for weight in network.parameters()))

    with open_evaluator(tiny(objectives=["score", "test-side"], score__size=4), tmp_path) as evaluator:
        records = evaluator.evaluate(genotypes(evaluator, 3))
    for record in records:
        assert record is not None
        assert record.costs["test-side"] == 8 + record.costs["params"]


def test_latency_is_measured_with_idle_workers_and_only_once(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []

    def measure(network: object, shape: Shape, *, batch: int, threads: int) -> Latency:
        assert not any(worker.busy for worker in evaluator._pool._workers)
        measured.append(1.0 + len(measured))
        return Latency(measured[-1], 0.25, 100, threads, batch, "a test")

    monkeypatch.setattr(module, "measure_latency", measure)
    problem = tiny(objectives=["score", "latency_ms"], latency__mode="measured")
    with open_evaluator(problem, tmp_path) as evaluator:
        records = evaluator.evaluate(genotypes(evaluator, 3))
        assert [(r.costs["latency_ms"], r.costs["latency_iqr_ms"]) for r in records if r] == [
            (i, 0.25) for i in (1, 2, 3)
        ]
        # A process that was killed before it measured leaves a row without a latency.
        assert records[1] is not None
        evaluator.journal.write(replace(records[1], costs={"params": 1.0, "macs": 1.0}))
    with open_evaluator(problem, tmp_path) as evaluator:
        again = evaluator.evaluate(genotypes(evaluator, 3))
    assert [record.costs["latency_ms"] for record in again if record] == [1, 4, 3]


def test_a_resumed_run_estimates_latency_as_before(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = tiny(objectives=["score", "latency_ms"], limits=["latency_ms <= 1000"])
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path / "one"))
    with open_evaluator(problem, tmp_path) as evaluator:
        rows = genotypes(evaluator, 4)
        first = evaluator.costs.of(rows)
        assert evaluator.costs.limits
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path / "two"))
    with open_evaluator(problem, tmp_path) as evaluator:
        assert evaluator.costs.of(rows) == first
        assert evaluator.costs.violation({"params": 1.0, "latency_ms": 1500.0}) == 0.5


def test_batches_overlap_and_each_has_its_records(tmp_path: Path, tiny: MakeProblem) -> None:
    (tmp_path / "alone").mkdir()
    with open_evaluator(tiny(), tmp_path / "alone") as alone:
        expected = values(alone.evaluate(genotypes(alone)))
    told: list[str] = []

    def on_record(record: Record) -> bool:
        told.append(record.text)
        return True

    with open_evaluator(tiny(), tmp_path) as evaluator:
        assert evaluator.overlaps
        rows = genotypes(evaluator)
        first, second = evaluator.begin(rows[:2], on_record), evaluator.begin(rows[2:], on_record)
        # In any order: waiting for one batch works at the others too.
        later = evaluator.finish(second)
        assert values([*evaluator.finish(first), *later]) == expected
    assert sorted(told) == sorted(text for text, _, _ in expected)


def test_what_two_batches_want_is_evaluated_once(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[int] = []
    submit = WorkerPool.submit

    def counted(pool: WorkerPool[Any, Any], items: Any) -> Any:
        submitted.append(len(items))
        return submit(pool, items)

    monkeypatch.setattr(WorkerPool, "submit", counted)
    told: list[str] = []

    def on_record(record: Record) -> bool:
        told.append(record.text)
        return True

    with open_evaluator(tiny(), tmp_path) as evaluator:
        rows = genotypes(evaluator)
        first, second = evaluator.begin(rows[:4], on_record), evaluator.begin(rows[2:], on_record)
        third = evaluator.begin(rows[3:4])
        assert values(evaluator.finish(third)) == values(evaluator.finish(first))[3:]
        assert values(evaluator.finish(second))[:2] == values(evaluator.finish(first))[2:]
    assert submitted == [4, 2]
    assert len(told) == 8
    assert len(set(told)) == 6


def test_a_stop_ends_all_batches(tmp_path: Path, tiny: MakeProblem) -> None:
    with open_evaluator(tiny(evaluation__workers=1), tmp_path) as evaluator:
        rows = genotypes(evaluator)
        first, second = (evaluator.begin(part, lambda record: False) for part in (rows[:2], rows[2:]))
        records = [*evaluator.finish(first), *evaluator.finish(second)]
        assert sum(record is not None for record in records) == len(evaluator.journal) == 1
        # The evaluator goes on.
        assert len(values(evaluator.evaluate(rows))) == len(rows)


def test_workers_rest_while_operators_are_measured(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("coernas_moo.evaluation.costs.space_operators", lambda space: [])
    problem = tiny(objectives=["score", "latency_ms"])
    at_work: list[int] = []
    with open_evaluator(problem, tmp_path) as evaluator:
        measure = LatencyTable.measure

        def watched(table: LatencyTable, work: Any) -> int:
            at_work.append(len(evaluator._jobs))
            return measure(table, work)

        monkeypatch.setattr(LatencyTable, "measure", watched)
        rows = genotypes(evaluator)
        first = evaluator.begin(rows[:1])
        assert at_work == [0]
        second = evaluator.begin(rows[1:])
        assert at_work == [0, 0]
        assert len(values([*evaluator.finish(first), *evaluator.finish(second)])) == len(rows)


def test_where_latency_is_measured_batches_do_not_overlap(tmp_path: Path, tiny: MakeProblem) -> None:
    problem = tiny(objectives=["score", "latency_ms"], latency__mode="measured")
    with open_evaluator(problem, tmp_path) as evaluator:
        assert not evaluator.overlaps


def test_what_was_scored_alike_is_taken_over_with_costs_of_its_own(
    tmp_path: Path, tiny: MakeProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny(objectives=["score", "params"])
    with open_evaluator(before, tmp_path) as evaluator:
        rows = genotypes(evaluator)
        known = [record for record in evaluator.evaluate(rows) if record is not None]
    (tmp_path / "now").mkdir()
    limit = sorted(record.costs["macs"] for record in known)[3]
    with open_evaluator(tiny(objectives=["score", "macs"], limits=[f"macs <= {limit}"]), tmp_path / "now") as evaluator:
        evaluator.take_over(before, tmp_path / "journal")
        monkeypatch.setattr(WorkerPool, "submit", None)
        found = [record for record in evaluator.evaluate(rows) if record is not None]
        assert len(evaluator.journal) == sum(not record.over_limit for record in found) == 4
        evaluator.take_over(before, tmp_path / "journal")
        assert len(evaluator.journal) == 4
    for record, other in zip(found, known, strict=True):
        assert record.over_limit == (other.costs["macs"] > limit)
        assert record.over_limit or record == other


def test_what_needs_the_built_network_is_taken_over_where_it_is_known(tmp_path: Path, tiny: MakeProblem) -> None:
    register_network_objective("first_weight")(lambda network, shape: float(next(network.parameters()).flatten()[0]))
    with_weight = tiny(objectives=["score", "first_weight"])
    journalled = []
    for name, problem, source in (
        ("without", tiny(), None),
        ("lacking", with_weight, (tiny(), "without")),
        ("with", with_weight, None),
        ("having", with_weight, (with_weight, "with")),
    ):
        (tmp_path / name).mkdir()
        with open_evaluator(problem, tmp_path / name) as evaluator:
            if source is None:
                evaluator.evaluate(genotypes(evaluator, 2))
            else:
                evaluator.take_over(source[0], tmp_path / source[1] / "journal")
            journalled.append(len(evaluator.journal))
    assert journalled == [2, 0, 2, 2]
    first, again = (read_all(tmp_path / name / "journal") for name in ("with", "having"))
    assert first == again


def test_what_was_scored_otherwise_is_not_taken_over(tmp_path: Path, tiny: MakeProblem) -> None:
    with open_evaluator(tiny(), tmp_path) as evaluator:
        evaluator.evaluate(genotypes(evaluator, 1))
    for number, changed in enumerate([tiny(score__repeats=2), tiny(search__seed=6), tiny(space__base_width=8)]):
        (tmp_path / str(number)).mkdir()
        with open_evaluator(changed, tmp_path / str(number)) as evaluator:
            with pytest.raises(RunError, match=r"scored with another .* leave --scores-of out"):
                evaluator.take_over(tiny(), tmp_path / "journal")
            assert len(evaluator.journal) == 0
