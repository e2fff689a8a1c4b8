"""Search algorithms against each other: the same problem, budget and first populations, no network evaluated twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from pymoo.indicators.igd_plus import IGDPlus
from threadpoolctl import threadpool_limits

from coernas_moo.benchmarks.judging import Judge
from coernas_moo.benchmarks.quartiles import Summary
from coernas_moo.benchmarks.statistics import Contest, contests, friedman_ranks
from coernas_moo.benchmarks.tabular_problem import Reference, TabularProblem
from coernas_moo.benchmarks.trajectory import Trajectory, read_trajectory, trajectory_path, write_trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.table import TableCosts, TableEvaluator, builds_networks, open_costs, uses_table
from coernas_moo.files import write_atomically
from coernas_moo.networks.layers import Shape
from coernas_moo.plugins import load_plugins
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.archive import Archive
from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.driver import Driver
from coernas_moo.search.loop import IDLE_GENERATIONS, open_data
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.problem import BudgetUsedUp, CandidateEvaluator, SearchProblem
from coernas_moo.search.run_directory import RunDirectory
from coernas_moo.spaces import SearchSpace

STEP = 10
"""Evaluations between two points of a convergence curve."""

TARGETS = (0.95, 0.99)
"""Shares of the reference hypervolume whose first crossing is reported."""

OnRun = Callable[[int, int], None]


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
        if len(set(self.algorithms)) < len(self.algorithms):
            raise CoernasError(f"--algorithms: one is listed twice: {', '.join(self.algorithms)}")
        if "moead" in self.algorithms and len(self.problem.objectives) < 2:
            raise CoernasError("--algorithms: moead takes two objectives at least; leave it out")
        if self.seeds < 1 or self.evaluations < 1:
            raise CoernasError("a comparison needs at least one seed and one evaluation")
        if self.as_searched and not (uses_table(self.problem) and builds_networks(self.problem)):
            raise CoernasError(
                f"--as-searched: searches of {self.problem.name} are judged by what they searched anyway; leave it out"
            )


@dataclass(frozen=True)
class Standing:
    """One algorithm's results over the seeds.

    Args:
        hypervolumes: curves of the share of the reference hypervolume, (seeds, checkpoints).
        igd_plus: of the final front to the reference front, scaled objectives, a seed each.
        to_target: evaluations to reach each of `TARGETS`, infinite where never, (targets, seeds).
        best: best value of the first objective, in its own direction, a seed each.
        seconds: a seed each.
    """

    hypervolumes: NDArray[np.float64]
    igd_plus: NDArray[np.float64]
    to_target: NDArray[np.float64]
    best: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @property
    def final(self) -> NDArray[np.float64]:
        """Share of the reference hypervolume at the end, a seed each."""
        return self.hypervolumes[:, -1]


@dataclass(frozen=True)
class Comparison:
    """All results, and how they were judged.

    Args:
        checkpoints: evaluations of the curves' points.
        standings: by algorithm.
        fronts: final fronts in the objectives judged by, by algorithm, a seed each.
        objectives: names of these.
        exact: whether the reference is the true front, by enumeration, or the best that all searches found.
    """

    plan: Plan
    checkpoints: NDArray[np.int64]
    standings: Mapping[str, Standing]
    fronts: Mapping[str, tuple[NDArray[np.float64], ...]]
    objectives: tuple[str, ...]
    reference: Reference
    exact: bool

    @cached_property
    def contests(self) -> list[Contest]:
        """The first algorithm against each of the others, by final hypervolume."""
        return contests(
            {name: standing.final.tolist() for name, standing in self.standings.items()}, self.plan.algorithms[0]
        )

    @cached_property
    def ranks(self) -> dict[str, float]:
        """Friedman's mean rank of each algorithm over the seeds, 1 is best."""
        table = np.stack([standing.final for standing in self.standings.values()], axis=1)
        return dict(zip(self.standings, friedman_ranks(table).tolist(), strict=True))

    def summary(self, name: str, measure: str) -> Summary:
        """Median and quartiles of `final`, `igd_plus`, `best`, `seconds`."""
        return Summary.of(getattr(self.standings[name], measure))


def compare(plan: Plan, directory: Path, *, workers: int, on_run: OnRun | None = None) -> Comparison:
    """Run what is missing of a comparison, and judge it.

    Each search is kept in `directory` as it ends, so a second call goes on where the first was cut off. Networks
    that have to be built are evaluated once for all algorithms and seeds, in a journal they share.

    Args:
        plan: what is compared.
        directory: of the comparison; made where it is absent.
        workers: processes.
        on_run: told (searches done, searches in all).

    Raises:
        RunError: the directory holds another comparison, or is in use.
        CoernasError: the problem, its data or its table cannot be used.
    """
    run_directory = RunDirectory(directory)
    # Whatever cannot be used is told before anything is written.
    ground = _Ground(plan.problem, directory, workers)
    with run_directory.lock():
        _keep_plan(plan, run_directory)
        wanted = [(name, seed) for seed in range(1, plan.seeds + 1) for name in plan.algorithms]

        def path(name: str, seed: int) -> Path:
            return trajectory_path(directory, name, seed, plan.evaluations)

        done = {key: found for key in wanted if (found := read_trajectory(path(*key), *key)) is not None}
        todo = [key for key in wanted if key not in done]
        for trajectory in ground.run(plan, todo):
            write_trajectory(path(trajectory.algorithm, trajectory.seed), trajectory)
            done[trajectory.algorithm, trajectory.seed] = trajectory
            if on_run is not None:
                on_run(len(done), len(wanted))
        return _judged(plan, ground, [done[key] for key in wanted])


class _Ground:
    """Where searches run: a table alone, or networks that are built."""

    def __init__(self, problem: ProblemFile, directory: Path, workers: int) -> None:
        self.problem, self.directory, self.workers = problem, directory, workers
        self.builds = builds_networks(problem)
        self.dataset = open_data(problem)
        info = self.dataset.info
        self.space: SearchSpace = problem.space_settings.build(Shape(*info.shape), len(info.classes))
        snapshot = RunDirectory(directory).latency_table
        self.costs = open_costs(problem, self.space, snapshot)
        if isinstance(self.costs, TableCosts) and not self.costs.feasible.any():
            raise CoernasError(
                f"no network of the table meets the limits {', '.join(map(repr, problem.limits))}: loosen them"
            )

    def run(self, plan: Plan, todo: Sequence[tuple[str, int]]) -> Iterator[Trajectory]:
        if not todo:
            return
        if self.builds:
            self.costs.keep()
            evaluation = msgspec.structs.replace(plan.problem.evaluation, workers=self.workers)
            problem = msgspec.structs.replace(plan.problem, evaluation=evaluation)
            journal = self.directory / "journal.sqlite"
            with (
                threadpool_limits(1, user_api="blas"),
                Evaluator(problem, self.costs, self.dataset, journal) as evaluator,
            ):
                for name, seed in todo:
                    yield search_once(plan, name, seed, self.space, evaluator)
            return
        if self.workers == 1:
            yield from (_on_table(plan, name, seed) for name, seed in todo)
            return
        with ProcessPoolExecutor(min(self.workers, len(todo)), initializer=threadpool_limits, initargs=(1,)) as pool:
            futures = [pool.submit(_on_table, plan, name, seed) for name, seed in todo]
            for future in as_completed(futures):
                yield future.result()

    def records(self) -> dict[str, Record]:
        """What is known of every network that some search evaluated, by text; for a table nothing has to be kept."""
        if not self.builds:
            return {}
        return {record.text: record for record in read_all(self.directory / "journal.sqlite")}


_TABLES: dict[str, TableCosts] = {}


def _on_table(plan: Plan, name: str, seed: int) -> Trajectory:
    """One search on the table; a process loads it once."""
    load_plugins(plan.problem.plugins)
    key = plan.problem.to_toml()
    if key not in _TABLES:
        _TABLES[key] = TabularProblem(plan.problem).table_costs
    costs = _TABLES[key]
    return search_once(plan, name, seed, costs.space, TableEvaluator(costs))


def search_once(plan: Plan, name: str, seed: int, space: SearchSpace, evaluator: CandidateEvaluator) -> Trajectory:
    """One search of the plan's problem by one algorithm, until its evaluations are used up or nothing new is found."""
    started = time.perf_counter()
    settings = plan.problem
    archive = Archive(settings.objectives, settings.parsed_limits, settings.score.proxies, settings.score.p)
    problem = SearchProblem(space, evaluator, archive)
    problem.max_evaluations = plan.evaluations
    driver = Driver(ALGORITHMS[name](problem, effective_preset(settings.search)), problem, seed)
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
    return Trajectory(name, seed, texts, time.perf_counter() - started)


def _judged(plan: Plan, ground: _Ground, trajectories: Sequence[Trajectory]) -> Comparison:
    judge = Judge(plan.problem, ground.costs, ground.records(), trajectories, as_searched=plan.as_searched)
    points = np.unique(np.append(np.arange(STEP, plan.evaluations + 1, STEP), plan.evaluations))
    standings, fronts = {}, {}
    for name in plan.algorithms:
        own = [trajectory for trajectory in trajectories if trajectory.algorithm == name]
        shares = np.array([[judge.reference.share(judge.found(t, int(n))) for n in points] for t in own])
        final = [judge.found(t, plan.evaluations) for t in own]
        scaled = judge.reference.scaled(judge.reference.front)
        distance = IGDPlus(scaled)
        reached = [
            [float(points[np.argmax(row >= target)]) if (row >= target).any() else float("inf") for row in shares]
            for target in TARGETS
        ]
        standings[name] = Standing(
            shares,
            np.array([float(distance(judge.reference.scaled(v))) if len(v) else np.inf for v in final]),
            np.array(reached),
            np.array([judge.first_sign * v[:, 0].min() if len(v) else np.nan for v in final], dtype=float),
            np.array([t.seconds for t in own]),
        )
        fronts[name] = tuple(values[non_dominated(values)] for values in final)
    return Comparison(plan, points, standings, fronts, judge.objectives, judge.reference, judge.exact)


def _keep_plan(plan: Plan, directory: RunDirectory) -> None:
    """The problem beside its searches: another problem needs another directory. Workers change nothing."""
    if not directory.problem.exists():
        write_atomically(directory.problem, plan.problem.to_toml())
        return
    before, now = _flat(directory.read_problem()), _flat(plan.problem)
    differing = [key for key in dict.fromkeys([*now, *before]) if before.get(key) != now.get(key)]
    if differing:
        key = differing[0]
        raise RunError(
            f"{directory.path}: holds a comparison on another problem: {key} was {before.get(key)!r}, is "
            f"{now.get(key)!r}; give another --out"
        )


def _flat(problem: ProblemFile) -> dict[str, object]:
    table: dict[str, object] = msgspec.to_builtins(problem)
    del table["evaluation"]
    flat: dict[str, object] = {}
    for key, value in table.items():
        flat |= {f"{key}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {key: value}
    return flat
