"""The run loop: budgets, progress, checkpoints, resumption."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import Dataset
from coernas_moo.datasets.of_problem import open_data
from coernas_moo.errors import CoernasError, ProblemFileError, RunError, RunWarning
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.table import JournalledTable, open_costs, open_evaluator
from coernas_moo.search.algorithms import ALGORITHMS, make_algorithm
from coernas_moo.search.archive import Archive
from coernas_moo.search.baselines import require_objectives
from coernas_moo.search.dominance import normalised_hypervolume
from coernas_moo.search.driver import Driver
from coernas_moo.search.feasibility import require_feasible
from coernas_moo.search.history import History
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.problem import BudgetUsedUp, SearchProblem
from coernas_moo.search.progress import Listener, Progress
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import RunDirectory, State, require_same_data
from coernas_moo.spaces import SearchSpace
from coernas_moo.versions import versions

IDLE_GENERATIONS = 20
"""A search that evaluates nothing new in so many generations ends: no budget of evaluations would end it."""


def run_search(
    problem: ProblemFile, directory: str | Path, *, resume: bool = False, listener: Listener | None = None
) -> Run:
    """Search until a budget is used up, and return the run.

    Everything evaluated is in the journal at once. A resumed run is replayed from the journal by the same seed and
    goes on where it was cut off, so it ends with the front of a run that was never cut off.

    Args:
        problem: resolved problem.
        directory: of the run; new or empty, unless `resume`.
        resume: continue the run that is there; where there is none, begin it.
        listener: told about progress.

    Raises:
        CoernasError: the problem, the data or the directory cannot be used.
        KeyboardInterrupt: passed on after the state has been saved.
    """
    run_directory = RunDirectory(directory)
    dataset = open_data(problem)
    info = dataset.info
    space = problem.space_settings.build(info.shape, len(info.classes))
    require_known_names(problem, space)
    costs = open_costs(problem, space, run_directory.latency_table)
    # Whatever is wrong with the input has to show before anything is written.
    if not (resume and run_directory.exists()):
        run_directory.require_empty()
        require_feasible(costs, np.random.default_rng(problem.search.seed))
    with run_directory.lock():
        before = None
        if run_directory.exists():
            if not resume:
                # Another search has begun one meanwhile.
                run_directory.require_empty()
            run_directory.require_same(problem)
            before = run_directory.read_state() if run_directory.has_state() else None
            if before is not None:
                require_same_data(before, info, run_directory.path)
                _warn_of_other_versions(before, run_directory.path)
        else:
            run_directory.create(problem)
        # A journal that cannot be used is refused here, before the record of an earlier run is written over.
        with open_evaluator(problem, costs, dataset, run_directory.journal) as evaluator:
            evaluator.start()
            run_directory.write_problem(_as_made(problem, run_directory, before))
            costs.keep()
            # Matrices here are small: threads of BLAS would only take cores from the workers.
            with threadpool_limits(1, user_api="blas"):
                _Search(problem, evaluator, dataset, run_directory, before, listener or Listener()).run()
    return Run(run_directory.path)


def _as_made(problem: ProblemFile, directory: RunDirectory, done: State | None) -> ProblemFile:
    """The problem with the budgets that its front came about with, where those of now are below what was used up."""
    if done is None:
        return problem
    search, used = problem.search, (done.generation, done.evaluations, done.seconds)
    budgets = zip((search.generations, search.evaluations, search.seconds), used, strict=True)
    if not any(most is not None and most < so_far for most, so_far in budgets):
        return problem
    made = directory.read_problem().search
    kept = {"generations": made.generations, "evaluations": made.evaluations, "seconds": made.seconds}
    return msgspec.structs.replace(problem, search=msgspec.structs.replace(search, **kept))


def _warn_of_other_versions(before: State, path: Path) -> None:
    now = versions()
    changed = [f"{name} {old} to {now.get(name)}" for name, old in before.versions.items() if now.get(name) != old]
    if changed:
        warnings.warn(
            f"{path}: versions have changed since this run began ({', '.join(changed)}): the front may differ from "
            "that of an undisturbed run",
            RunWarning,
            stacklevel=3,
        )


def require_known_names(problem: ProblemFile, space: SearchSpace) -> None:
    """Check what `[search]` names: the algorithm, and segments of the space.

    Raises:
        ProblemFileError: there is no such algorithm, or no such segment, or the algorithm takes more objectives.
    """
    try:
        _ = ALGORITHMS[problem.search.algorithm]
        require_objectives(problem.search.algorithm, len(problem.objectives))
    except CoernasError as error:
        raise ProblemFileError(f"problem {problem.name!r}: search.algorithm: {error}") from None
    segments = [segment.name for segment in space.segments]
    for key, rates in (("crossover", problem.search.crossover), ("mutation", problem.search.mutation)):
        for name in rates:
            if name not in segments:
                raise ProblemFileError(
                    f"problem {problem.name!r}: search.{key}: this space has no segment {name!r}; "
                    f"its segments: {', '.join(segments)}"
                )


class _Search:
    def __init__(
        self,
        problem: ProblemFile,
        evaluator: Evaluator | JournalledTable,
        dataset: Dataset,
        directory: RunDirectory,
        before: State | None,
        listener: Listener,
    ) -> None:
        self.problem, self.evaluator, self.space, self.dataset = problem, evaluator, evaluator.costs.space, dataset
        self.directory, self.listener = directory, listener
        settings = problem.search
        self.preset = effective_preset(settings)
        other_budget = settings.evaluations is not None or settings.seconds is not None
        self.generations = settings.generations or (None if other_budget else self.preset.generations)
        self.archive = Archive.of(problem)
        self.before = before
        self.seconds_before = before.seconds if before is not None else 0.0
        self.started = time.monotonic()
        self.history = History(directory.history)
        self.generation = self.evaluations = self.idle = 0
        self.unreported = False
        self.journalled = len(evaluator.journal)
        self.replaying = self.journalled > 0
        self.progress = Progress(
            0, self.generations, 0, settings.evaluations, 0, 0, float("nan"), 0.0, 0, 0.0, 0.0, None
        )

    @property
    def seconds(self) -> float:
        # A run that is read again from its journal has not searched any longer.
        read_again = self.seconds_before and self.evaluations <= self.journalled
        return self.seconds_before + (0.0 if read_again else time.monotonic() - self.started)

    def run(self) -> None:
        self.listener.started(self.problem, self.space, self.dataset, self.directory.path)
        self._save("running", "")
        status, reason = "failed", "stopped by an error"
        try:
            reason = self._loop()
            status = "finished"
        except KeyboardInterrupt:
            status, reason = "interrupted", "interrupted from the keyboard"
            raise
        finally:
            try:
                self._report()
                self._save(status, reason)
                self.history.write()
            except RunError:
                # The disk is full: the error under way says so, and the journal is complete.
                if status == "finished":
                    raise

    def _loop(self) -> str:
        problem = SearchProblem(self.space, self.evaluator, self.archive)
        if self.problem.search.evaluations is not None:
            problem.max_evaluations = max(self.problem.search.evaluations, self.journalled)
        problem.on_record = self._on_record
        algorithm = make_algorithm(self.problem.search.algorithm, problem, self.preset)

        def asks(generations: int) -> bool:
            unfinished = self.generations is None or generations < self.generations
            return unfinished or problem.evaluations_begun < self.journalled

        driver = Driver(algorithm, problem, self.problem.search.seed, asks=asks, meanwhile=self._report)
        while not (reason := self._used_up()):
            try:
                if not driver.step():
                    return self._exhausted()
            except BudgetUsedUp:
                self._generation_done()
                return self._used_up() or "a budget is used up"
            if driver.generation > self.generation:
                self._require_some_success()
                self.generation = driver.generation
                self._generation_done()
        return reason

    def _require_some_success(self) -> None:
        """A first generation of which nothing can be ranked: what is wrong is not the candidates."""
        if self.progress.generation or not self.archive.evaluations or self.archive.ranked():
            return
        failures = self.archive.failures
        if failures:
            raise RunError(f"none of {self.archive.evaluations} candidates could be evaluated: {failures[0].failure}")
        names = ", ".join(objective.name for objective in self.archive.objectives)
        raise RunError(f"none of {self.archive.evaluations} candidates has a finite value of each of: {names}")

    def _used_up(self) -> str:
        settings = self.problem.search
        # What the journal holds is replayed whatever the budgets are, else a resumed run would lose it.
        if self.archive.evaluations < self.journalled:
            return ""
        if self.generations is not None and self.progress.generation >= self.generations:
            done = self.progress.generation
            return f"{done} generation{'s' * (done > 1)} done"
        if settings.evaluations is not None and self.archive.evaluations >= settings.evaluations:
            return f"{self.archive.evaluations} evaluations done"
        if self._time_is_up():
            return f"{settings.seconds:g} s used up"
        if self.idle >= IDLE_GENERATIONS:
            return self._exhausted()
        return ""

    def _time_is_up(self) -> bool:
        limit = self.problem.search.seconds
        return limit is not None and self.evaluations >= self.journalled and self.seconds >= limit

    def _exhausted(self) -> str:
        if len(self.archive) >= self.space.canonical_size():
            return f"the space is exhausted: all {len(self.archive):,} networks have been evaluated"
        return f"no new network found: {len(self.archive):,} of {self.space.canonical_size():,} have been tried"

    def _on_record(self, record: Record) -> bool:
        self.evaluations += 1
        if self.replaying and self.evaluations >= self.journalled:
            self.replaying = False
            # From here on it is searching: reading the journal again was not.
            self.started = time.monotonic()
        self.listener.evaluated(record, self._moved_on())
        return not self._time_is_up()

    def _moved_on(self) -> Progress:
        """The last generation's progress with counts and times of now."""
        seconds = self.seconds
        return replace(
            self.progress,
            evaluations=self.evaluations,
            seconds=seconds,
            evaluations_per_second=self.evaluations / seconds if seconds > 0 else 0.0,
            seconds_left=self._seconds_left(seconds),
        )

    def _seconds_left(self, seconds: float) -> float | None:
        """Extrapolated from the budget that is used up furthest."""
        settings = self.problem.search
        shares = [0.0]
        if self.generations is not None:
            shares.append(self.evaluations / (self.generations * self.preset.population))
        if settings.evaluations is not None:
            shares.append(self.evaluations / settings.evaluations)
        share = max(shares)
        estimates = [seconds * (1 - share) / share] if share > 0 else []
        if settings.seconds is not None:
            estimates.append(settings.seconds - seconds)
        return max(0.0, min(estimates)) if estimates else None

    def _generation_done(self) -> None:
        self.idle = self.idle + 1 if self.archive.evaluations == self.progress.evaluations else 0
        self.evaluations = self.archive.evaluations
        self.progress = replace(self._moved_on(), generation=max(1, self.generation), archive=len(self.archive))
        self.unreported = True

    def _report(self) -> None:
        """Say and write what the last generation came to: done while the workers are busy with the next one."""
        if not self.unreported:
            return
        self.unreported = False
        values = self.archive.objective_values(self.archive.ranked())
        front = self.archive.front()
        front_values = self.archive.objective_values(front)
        first = self.archive.objectives[0]
        self.progress = replace(
            self.progress,
            front=len(front),
            best=first.sign * float(front_values[0, 0]) if len(front) else float("nan"),
            hypervolume=normalised_hypervolume(front_values, values),
            failures=len(self.archive.failures),
        )
        self.history.add(self.progress)
        self._save("running", "")
        self.history.write()
        self.listener.generation(self.progress)

    def _save(self, status: str, reason: str) -> None:
        info = self.dataset.info
        generation, evaluations, first = self.progress.generation, self.archive.evaluations, self.archive.first
        if self.before is not None and evaluations < self.before.evaluations:
            # Cut off while it reads its journal again, a run is as far as it was.
            generation, evaluations = self.before.generation, self.before.evaluations
            first = self.before.first_population
        self.directory.write_state(
            State(
                status,
                reason,
                generation,
                evaluations,
                round(self.seconds, 3),
                (info.shape.channels, info.shape.height, info.shape.width),
                info.classes,
                versions(),
                round(self.evaluator.busy_seconds, 3),
                first,
            )
        )
