"""Search algorithms against each other: the same problem, budget and first populations, no network evaluated twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from pymoo.indicators.igd_plus import IGDPlus

from coernas_moo.benchmarks.ground import Ground
from coernas_moo.benchmarks.judging import Judge
from coernas_moo.benchmarks.quartiles import Summary
from coernas_moo.benchmarks.searching import Plan
from coernas_moo.benchmarks.statistics import Contest, contests, friedman_ranks
from coernas_moo.benchmarks.tabular_problem import Reference
from coernas_moo.benchmarks.trajectory import Trajectory, read_trajectory, trajectory_path, write_trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.errors import RunError
from coernas_moo.files import write_atomically
from coernas_moo.folders import SEARCHES
from coernas_moo.plugins import contents_of
from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.run_directory import RunDirectory

STEP = 10
"""Evaluations between two points of a convergence curve."""

TARGETS = (0.95, 0.99)
"""Shares of the reference hypervolume whose first crossing is reported."""

OnRun = Callable[[int, int], None]


@dataclass(frozen=True)
class Standing:
    """One algorithm's results over the seeds.

    Args:
        hypervolumes: curves of the share of the reference hypervolume, (seeds, checkpoints).
        igd_plus: of the final front to the reference front, scaled objectives, a seed each.
        to_target: evaluations to reach each of `TARGETS`, infinite where never, (targets, seeds).
        best: best value of the first objective, in its own direction, a seed each.
        seconds: processor time of the searching process, without that of workers, a seed each.
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


def compare(
    plan: Plan, directory: Path, *, workers: int, scores_of: Path | None = None, on_run: OnRun | None = None
) -> Comparison:
    """Run what is missing of a comparison, and judge it.

    Each search is kept in `directory` as it ends, so a second call goes on where the first was cut off. Networks
    that have to be built are evaluated once for all algorithms and seeds, in a journal they share.

    Args:
        plan: what is compared.
        directory: of the comparison; made where it is absent.
        workers: processes that build networks, or, on a table, that search; they change nothing that is found.
        scores_of: directory of a comparison or run that scored networks as they are scored here: what it knows is not
            evaluated again.
        on_run: told (searches done, searches in all).

    Raises:
        RunError: the directory holds another comparison, or is in use.
        CoernasError: the problem, its data or its table cannot be used.
    """
    run_directory = RunDirectory(directory)
    # Whatever cannot be used is told before anything is written.
    ground = Ground(plan.problem, directory, workers, scores_of)
    with run_directory.lock():
        _keep_plan(plan, run_directory)
        wanted = [(name, seed) for seed in range(1, plan.seeds + 1) for name in plan.algorithms]

        def path(name: str, seed: int) -> Path:
            return trajectory_path(directory, name, seed, plan.evaluations)

        done = {key: found for key in wanted if (found := read_trajectory(path(*key), *key)) is not None}
        todo = [key for key in wanted if key not in done]
        with closing(ground.run(plan, todo)) as searches:
            for trajectory in searches:
                write_trajectory(path(trajectory.algorithm, trajectory.seed), trajectory)
                done[trajectory.algorithm, trajectory.seed] = trajectory
                if on_run is not None:
                    on_run(len(done), len(wanted))
        return _judged(plan, ground, [done[key] for key in wanted])


def _judged(plan: Plan, ground: Ground, trajectories: Sequence[Trajectory]) -> Comparison:
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
            np.array([judge.first_sign * v[:, 0].min(initial=np.inf) for v in final], dtype=float),
            np.array([t.seconds for t in own]),
        )
        fronts[name] = tuple(values[non_dominated(values)] for values in final)
    return Comparison(plan, points, standings, fronts, judge.objectives, judge.reference, judge.exact)


PLUGINS = "plugins.json"
"""SHA-256 of the plugins that a comparison's searches were made with."""


def folder_as_searched(plan: Plan, directory: Path) -> Path:
    """The folder beside a comparison's that gets what it comes to when it is judged by what was searched.

    Raises:
        RunError: it holds a comparison of its own, or one on another problem.
    """
    beside = RunDirectory(directory.with_name(f"{directory.name}-as-searched"))
    if (beside.path / SEARCHES).exists():
        raise RunError(f"{beside.path}: holds a comparison of its own, which would be written over; give another --out")
    if beside.problem.exists():
        _require_same(plan, beside)
    return beside.path


def _keep_plan(plan: Plan, directory: RunDirectory) -> None:
    """The problem beside its searches: another problem needs another directory. Workers change nothing."""
    plugins = directory.path / PLUGINS
    now = json.dumps(dict(zip(plan.problem.plugins, contents_of(plan.problem.plugins), strict=True)), indent=1)
    if not directory.problem.exists():
        write_atomically(directory.problem, plan.problem.to_toml())
    else:
        _require_same(plan, directory)
        if plugins.exists() and plugins.read_text(encoding="utf-8") != now:
            raise RunError(f"{directory.path}: a plugin has changed since its searches were made; give another --out")
    if plan.problem.plugins and not plugins.exists():
        write_atomically(plugins, now)


def _require_same(plan: Plan, directory: RunDirectory) -> None:
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
