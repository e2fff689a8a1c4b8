"""Asking ahead: when batches are asked for and told, and that nothing depends on who is fast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from coernas_moo.evaluation.batch import Batch, OnRecord
from coernas_moo.evaluation.record import Record
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.driver import Driver
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.problem import BudgetUsedUp, SearchProblem
from coernas_moo.spaces import Genotype
from coernas_moo.testing.algorithms import CELLS, TINY, SyntheticEvaluator, synthetic_problem


class Logged(SyntheticEvaluator):
    """Writes down what is begun and finished; overlaps, or does not."""

    overlaps = True

    def __init__(self, other: SyntheticEvaluator) -> None:
        super().__init__(other.problem, other.costs)
        self.log: list[str] = []
        self.most_in_work = 0
        self.in_work = 0

    def begin(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> Batch:
        self.log.append(f"begin {len(genotypes)}")
        self.in_work += 1
        self.most_in_work = max(self.most_in_work, self.in_work)
        return super().begin(genotypes, on_record)

    def finish(self, batch: Batch) -> list[Record | None]:
        self.log.append(f"finish {len(batch.genotypes)}")
        self.in_work -= 1
        return super().finish(batch)


def driven(
    algorithm: str = "hd-duaas", text: str = CELLS, *, overlaps: bool = True, evaluations: int | None = None
) -> tuple[Driver, SearchProblem, Logged]:
    problem, plain = synthetic_problem(text)
    problem.evaluator = evaluator = Logged(plain)
    evaluator.overlaps = overlaps
    problem.max_evaluations = evaluations
    preset = effective_preset(plain.problem.search)
    return Driver(ALGORITHMS[algorithm](problem, preset), problem, 1), problem, evaluator


def test_the_next_batch_is_begun_before_the_last_is_finished() -> None:
    driver, problem, evaluator = driven()
    for _ in range(4):
        assert driver.step()
    assert evaluator.log == [
        *("begin 10", "finish 10"),
        *("begin 2", "begin 2", "finish 2", "begin 2", "finish 2", "begin 2", "finish 2"),
    ]
    assert len(problem.archive) == 16


def test_without_overlap_one_batch_follows_the_other() -> None:
    driver, _, evaluator = driven(overlaps=False)
    for _ in range(4):
        driver.step()
    assert evaluator.most_in_work == 1


def test_an_algorithm_that_needs_the_last_results_is_not_asked_ahead() -> None:
    for name in ("hd-duaas-plain", "nsga2", "random"):
        driver, _, evaluator = driven(name)
        for _ in range(3):
            driver.step()
        assert evaluator.most_in_work == 1
        assert driver.generation == 3


def test_generations_are_counted_as_they_are_told() -> None:
    driver, _, evaluator = driven()
    generations = []
    for _ in range(11):
        driver.step()
        generations.append(driver.generation)
    assert generations == [1, *[1] * 4, 2, *[2] * 4, 3]
    assert len(set(evaluator.evaluated)) == len(evaluator.evaluated) == 30


def test_nothing_is_asked_for_beyond_the_last_generation() -> None:
    driver, problem, evaluator = driven()
    driver.asks = lambda generations: generations < 2
    while driver.step():
        pass
    assert driver.generation == 2
    assert len(problem.archive) == len(evaluator.evaluated) == 20
    assert evaluator.in_work == 0


@pytest.mark.parametrize("evaluations", [7, 10, 17, 18])
def test_a_budget_of_evaluations_counts_what_is_in_work(evaluations: int) -> None:
    driver, problem, evaluator = driven(evaluations=evaluations)
    with pytest.raises(BudgetUsedUp):
        any(not driver.step() for _ in range(100))
    assert problem.archive.evaluations == len(evaluator.evaluated) == evaluations
    assert problem.evaluations_left == 0


def test_what_was_in_work_when_time_was_up_is_kept() -> None:
    driver, problem, evaluator = driven()
    for _ in range(3):
        driver.step()
    finish = evaluator.finish

    def cut_off(batch: Batch) -> list[Record | None]:
        # As after a stop: this batch has no records, the one behind it has.
        for _, other, _ in driver._in_work:
            other.records = finish(other)
        return [None] * len(batch.genotypes)

    evaluator.finish = cut_off  # type: ignore[method-assign]
    with pytest.raises(BudgetUsedUp):
        driver.step()
    assert len(problem.archive) == len(evaluator.evaluated) == 16


def test_a_space_is_searched_to_its_end() -> None:
    driver, problem, evaluator = driven(text=TINY)
    while driver.step():
        pass
    assert evaluator.in_work == 0
    assert len(problem.archive) == len(set(evaluator.evaluated))
    front = problem.archive.objective_values(problem.archive.front())
    assert np.isfinite(front).all()


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_generation_is_a_population_of_offspring(algorithm: str) -> None:
    driver, _, evaluator = driven(algorithm, overlaps=False)
    while driver.generation < 4:
        assert driver.step()
    assert 30 < len(evaluator.evaluated) <= 40
