"""One search, batch by batch: ask the algorithm, evaluate, tell it; workers need not wait for the algorithm."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.core.termination import NoTermination

from coernas_moo.evaluation.batch import Batch
from coernas_moo.search.problem import BudgetUsedUp, SearchProblem


class Driver:
    """Drives an algorithm on a problem.

    Where the algorithm looks ahead (an attribute `looks_ahead`) and the evaluator can have several batches in work,
    the next batch is asked for while the last one is evaluated, so it depends on all results but that one's. When
    that happens does not depend on how long anything takes: one seed gives one search.

    Args:
        algorithm: a pymoo algorithm; a generation is as many offspring as the first population has members, or ends
            where an attribute `left`, which counts what is still to be asked for, comes to 0.
        problem: the problem.
        seed: of the search.
        asks: whether to ask for another batch, given the whole generations that have been asked for; None: always.
        meanwhile: called whenever a batch has been begun, while workers are at it.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        problem: SearchProblem,
        seed: int,
        *,
        asks: Callable[[int], bool] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self.algorithm, self.problem = algorithm, problem
        self.asks = asks
        self.meanwhile = meanwhile
        self.generation = 0
        """Generations that were told whole."""
        self._asked = self._members = self._population = 0
        self._in_work: deque[tuple[Population, Batch, bool]] = deque()
        self._depth = 2 if getattr(algorithm, "looks_ahead", False) and problem.evaluator.overlaps else 1
        algorithm.setup(problem, termination=NoTermination(), seed=seed)

    def step(self) -> bool:
        """Evaluate one batch and tell it; False where nothing new can be asked for.

        Raises:
            BudgetUsedUp: a budget ended within the batch; what was evaluated is in the archive.
        """
        depth = self._depth if self.algorithm.is_initialized else 1
        while len(self._in_work) < depth and self._asks_for_more():
            pass
        if not self._in_work:
            return False
        offspring, batch, complete = self._in_work.popleft()
        try:
            self.problem.finish(offspring, batch)
        except BudgetUsedUp:
            for _, other, _ in self._in_work:
                self.problem.keep(other)
            raise
        self.algorithm.tell(infills=offspring)
        self.generation += complete
        return True

    def _asks_for_more(self) -> bool:
        if self.asks is not None and not self.asks(self._asked):
            return False
        if self._in_work and self.problem.evaluations_left == 0:
            return False
        if self._in_work:
            self.problem.evaluator.hand_out()
        offspring = self.algorithm.ask()
        if offspring is None or not len(offspring):
            return False
        complete = self._completes(len(offspring))
        self._asked += complete
        self._in_work.append((offspring, self.problem.begin(offspring), complete))
        if self.meanwhile is not None:
            self.meanwhile()
        return True

    def _completes(self, offspring: int) -> bool:
        """Whether so many offspring complete a generation."""
        if hasattr(self.algorithm, "left"):
            return bool(self.algorithm.left <= 0)
        self._population = self._population or offspring
        self._members += offspring
        complete = self._members >= self._population
        self._members -= self._population * complete
        return complete
