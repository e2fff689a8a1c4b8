"""Where the searches of a comparison run: on a table alone, or where networks are built; several at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import msgspec
from threadpoolctl import threadpool_limits

from coernas_moo.benchmarks.searching import Plan, search_once
from coernas_moo.benchmarks.tabular_problem import TabularProblem
from coernas_moo.benchmarks.trajectory import Trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.datasets.of_problem import open_data
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator, require_scored_alike
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.process_pool import process_pool
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.side_by_side import Asking, side_by_side
from coernas_moo.evaluation.table import TableCosts, TableEvaluator, builds_networks, open_costs
from coernas_moo.folders import SEARCHES
from coernas_moo.networks.layers import Shape
from coernas_moo.plugins import load_plugins
from coernas_moo.search.run_directory import RunDirectory
from coernas_moo.spaces import SearchSpace

SEARCHES_A_WORKER = 2
"""Searches at a time for each worker that builds networks: while one waits for its batch, another asks for its next."""


class Ground:
    """Where searches run: a table alone, or networks that are built.

    Args:
        problem: resolved.
        directory: of the comparison.
        workers: processes that build and score networks, or, on a table, that search.
        scores_of: directory of a comparison or run whose networks are not scored again.

    Raises:
        CoernasError: the problem, its data, its table or what is in `scores_of` cannot be used.
    """

    def __init__(self, problem: ProblemFile, directory: Path, workers: int, scores_of: Path | None = None) -> None:
        self.problem, self.directory, self.workers = problem, directory, workers
        self.builds = builds_networks(problem)
        if scores_of is not None and not self.builds:
            raise CoernasError(f"--scores-of: no network is scored in a search of {problem.name}; leave it out")
        other = None if scores_of is None else RunDirectory(scores_of)
        self.scored = None if other is None else (other.read_problem(), other.journal)
        self.dataset = open_data(problem)
        info = self.dataset.info
        self.space: SearchSpace = problem.space_settings.build(Shape(*info.shape), len(info.classes))
        snapshot = RunDirectory(directory).latency_table
        self.costs = open_costs(problem, self.space, snapshot)
        if self.scored is not None:
            require_scored_alike(problem, self.space, self.dataset, *self.scored)
        if isinstance(self.costs, TableCosts) and not self.costs.feasible.any():
            raise CoernasError(
                f"no network of the table meets the limits {', '.join(map(repr, problem.limits))}: loosen them"
            )

    def run(self, plan: Plan, todo: Sequence[tuple[str, int]]) -> Generator[Trajectory, None, None]:
        """Searches (algorithm, seed) as they are done, as many at a time as there are workers."""
        if not todo:
            return
        if self.builds:
            yield from self._built(plan, todo)
            return
        if self.workers == 1:
            # Matrices here are small: threads of BLAS would only wait for one another, the longer the busier the cores.
            with threadpool_limits(1, user_api="blas"):
                yield from (_on_table(plan, name, seed) for name, seed in todo)
            return
        with process_pool(min(self.workers, len(todo))) as pool:
            futures = [pool.submit(_on_table, plan, name, seed) for name, seed in todo]
            for future in as_completed(futures):
                yield future.result()

    def _built(self, plan: Plan, todo: Sequence[tuple[str, int]]) -> Generator[Trajectory, None, None]:
        self.costs.keep()
        evaluation = msgspec.structs.replace(plan.problem.evaluation, workers=self.workers)
        problem = msgspec.structs.replace(plan.problem, evaluation=evaluation)
        journal = self.directory / "journal.sqlite"
        with (
            threadpool_limits(1, user_api="blas"),
            Evaluator(problem, self.costs, self.dataset, journal) as evaluator,
        ):
            if self.scored is not None:
                evaluator.take_over(*self.scored)
            if self.workers > 1 and evaluator.overlaps:
                info = self.dataset.info
                searches = _Searches(plan, Shape(*info.shape), len(info.classes), self.directory)
                yield from side_by_side(searches, todo, evaluator, SEARCHES_A_WORKER * self.workers)
            else:
                yield from (search_once(plan, *key, self.space, evaluator) for key in todo)

    def records(self) -> dict[str, Record]:
        """What is known of every network that some search evaluated, by text; for a table nothing has to be kept."""
        if not self.builds:
            return {}
        journal = self.directory / "journal.sqlite"
        if not journal.exists():
            raise RunError(
                f"{journal}: is lost, and with it what the searches beside it have found; remove "
                f"{self.directory / SEARCHES} to search anew, or give another --out"
            )
        return {record.text: record for record in read_all(journal)}


@dataclass(frozen=True)
class _Searches:
    """Searches in a process of their own, which ask for what has to be built."""

    plan: Plan
    shape: Shape
    classes: int
    directory: Path

    def costs(self) -> ClosedFormCosts:
        problem = self.plan.problem
        load_plugins(problem.plugins)
        space = problem.space_settings.build(self.shape, self.classes)
        return open_costs(problem, space, RunDirectory(self.directory).latency_table)

    def __call__(self, item: tuple[str, int], evaluator: Asking) -> Trajectory:
        return search_once(self.plan, *item, evaluator.costs.space, evaluator)


_TABLES: dict[str, TableCosts] = {}


def _on_table(plan: Plan, name: str, seed: int) -> Trajectory:
    """One search on the table; a process loads it once."""
    load_plugins(plan.problem.plugins)
    key = plan.problem.to_toml()
    if key not in _TABLES:
        _TABLES[key] = TabularProblem(plan.problem).table_costs
    costs = _TABLES[key]
    return search_once(plan, name, seed, costs.space, TableEvaluator(costs))
