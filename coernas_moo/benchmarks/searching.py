"""One search of a comparison."""

from __future__ import annotations

import time
from dataclasses import dataclass

from coernas_moo.benchmarks.trajectory import Trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.table import builds_networks, uses_table
from coernas_moo.search.algorithms import ALGORITHMS, make_algorithm
from coernas_moo.search.archive import Archive
from coernas_moo.search.baselines import require_objectives
from coernas_moo.search.driver import Driver
from coernas_moo.search.loop import IDLE_GENERATIONS
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.problem import BudgetUsedUp, CandidateEvaluator, SearchProblem
from coernas_moo.spaces import SearchSpace


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Args:
        problem: resolved.
        algorithms: names, ours first.
        seeds: of the searches, 1 to `seeds`; one first population each.
        evaluations: distinct networks a search may evaluate.
        as_searched: judged by the objectives that were searched, even where a table knows the true error.
    """

    problem: ProblemFile
    algorithms: tuple[str, ...]
    seeds: int
    evaluations: int
    as_searched: bool = False

    def __post_init__(self) -> None:
        for name in self.algorithms:
            _ = ALGORITHMS[name]
            try:
                require_objectives(name, len(self.problem.objectives))
            except CoernasError as error:
                raise CoernasError(f"--algorithms: {error}") from None
        if len(set(self.algorithms)) < len(self.algorithms):
            raise CoernasError(f"--algorithms: one is listed twice: {', '.join(self.algorithms)}")
        if self.seeds < 1 or self.evaluations < 1:
            raise CoernasError("a comparison needs at least one seed and one evaluation")
        if self.as_searched and not (uses_table(self.problem) and builds_networks(self.problem)):
            raise CoernasError(
                f"--as-searched: searches of {self.problem.name} are judged by what they searched anyway; leave it out"
            )


def search_once(plan: Plan, name: str, seed: int, space: SearchSpace, evaluator: CandidateEvaluator) -> Trajectory:
    """One search of the plan's problem by one algorithm, until its evaluations are used up or nothing new is found.

    Its seconds are processor time of this process, so that they depend neither on what else runs, nor on which search
    was the first to ask for a network: what workers spend on building and scoring is not in them.
    """
    started = time.process_time()
    settings = plan.problem
    archive = Archive.of(settings)
    problem = SearchProblem(space, evaluator, archive)
    problem.max_evaluations = plan.evaluations
    driver = Driver(make_algorithm(name, problem, effective_preset(settings.search)), problem, seed)
    idle = 0
    while archive.evaluations < plan.evaluations and idle < IDLE_GENERATIONS:
        before = archive.evaluations
        try:
            if not driver.step():
                break
        except BudgetUsedUp:
            break
        idle = idle + 1 if archive.evaluations == before else 0
    texts = tuple(record.text for record in archive if not record.over_limit)[: plan.evaluations]
    return Trajectory(name, seed, texts, time.process_time() - started, archive.first)
