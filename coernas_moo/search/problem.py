"""The search as a pymoo `Problem`: any pymoo algorithm can solve it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pymoo.core.evaluator import Evaluator as PymooEvaluator
from pymoo.core.population import Population
from pymoo.core.problem import Problem

from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Meanwhile, OnRecord
from coernas_moo.evaluation.record import Record
from coernas_moo.search.archive import Archive
from coernas_moo.search.feasibility import descend
from coernas_moo.spaces import Genotype, SearchSpace

REMEMBERED = 16384
"""Genotypes whose canonical forms are kept."""


class BudgetUsedUp(Exception):
    """Raised inside an evaluation when the budget of evaluations or seconds ends within a batch."""


class CandidateEvaluator(Protocol):
    """What a search needs of the one who evaluates: `Evaluator` in a run, others in benchmarks and tests."""

    @property
    def costs(self) -> ClosedFormCosts:
        """Closed-form costs and limits."""

    def evaluate(
        self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None, meanwhile: Meanwhile | None = None
    ) -> list[Record | None]:
        """Records of distinct canonical genotypes, in their order; None for those not reached before a stop.

        `meanwhile` is called once, whatever there is to evaluate: where there are workers, while they are busy.
        """


class SearchProblem(Problem):  # type: ignore[misc]
    """Minimise the problem's objectives over the genotypes of its space.

    `vars` holds one pymoo `Choice` a gene, `xl` and `xu` the bounds of the codes; populations are int64 matrices
    (n, genes), and floats are rounded, so that pymoo's real-coded operators work too. Each row is evaluated on its
    canonical form, once. F (n, objectives) is minimised: maximised objectives are negated. G (n, limits + 1) holds
    where <= 0; the last column is 1 for a candidate that could not be evaluated.

    The score of a member moves as the archive grows: give `RankingEvaluator` to the algorithm, and it is brought
    up to date before every survival.

    Args:
        space: the search space.
        evaluator: makes records.
        archive: receives them.
    """

    def __init__(self, space: SearchSpace, evaluator: CandidateEvaluator, archive: Archive) -> None:
        self.space = space
        self.evaluator = evaluator
        self.archive = archive
        self.max_evaluations: int | None = None
        self.on_record: OnRecord | None = None
        self.meanwhile: Meanwhile | None = None
        self._remembered: dict[bytes, tuple[Genotype, str]] = {}
        self._text: dict[bytes, str] = {}
        self._allowed: dict[bytes, bool] = {}
        super().__init__(
            n_var=len(space.genes),
            n_obj=len(archive.objectives),
            n_ieq_constr=len(archive.limits) + 1,
            xl=np.zeros(len(space.genes)),
            xu=space.cardinalities - 1.0,
            vtype=int,
            vars=space.variables(),
        )

    def texts(self, genotypes: NDArray[Any]) -> list[str]:
        """Canonical texts of a population (n, genes)."""
        return [self._canonical_text(row)[1] for row in _codes(genotypes)]

    def is_known(self, canonical: Genotype) -> bool:
        """Whether a canonical genotype is in the archive."""
        return self._text_of(canonical) in self.archive

    def accept(self, genotypes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows (n, genes) meet all closed-form limits."""
        if not self.evaluator.costs.limits:
            return np.ones(len(genotypes), dtype=bool)
        canonical = [self._canonical_text(row)[0] for row in _codes(genotypes)]
        unseen = {c.tobytes(): c for c in canonical if c.tobytes() not in self._allowed}
        closed_form = self.evaluator.costs
        for key, costs in zip(unseen, closed_form.of(list(unseen.values())), strict=True):
            self._allowed[key] = closed_form.violation(costs) <= 0
        return np.array([self._allowed[c.tobytes()] for c in canonical], dtype=bool)

    def update(self, population: Population) -> None:
        """Bring F and G of evaluated members up to date with the archive."""
        if len(population):
            texts = self.texts(population.get("X"))
            population.set("F", self.archive.objective_values(texts))
            population.set("G", self.archive.constraint_values(texts))
            # pymoo keeps the violation it computed from the old G.
            population.set("CV", np.full(len(population), None))

    def repair(self, genotype: Genotype) -> Genotype:
        """A genotype near `genotype` that meets the closed-form limits, or comes as near to them as descent gets."""
        return descend(self.evaluator.costs, genotype)

    def _canonical_text(self, genotype: Genotype) -> tuple[Genotype, str]:
        # Survivors and their offspring come by again and again.
        key = genotype.tobytes()
        known = self._remembered.get(key)
        if known is None:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            canonical = self.space.canonical(genotype)
            known = self._remembered[key] = canonical, self._text_of(canonical)
        return known

    def _text_of(self, canonical: Genotype) -> str:
        key = canonical.tobytes()
        if key not in self._text:
            self._text[key] = self.space.to_text(canonical)
        return self._text[key]

    def _evaluate(self, X: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        pairs = [self._canonical_text(row) for row in _codes(X)]
        fresh = {text: canonical for canonical, text in pairs if text not in self.archive}
        self.archive.add(self._records(list(fresh.values())))
        texts = [text for _, text in pairs]
        if any(text not in self.archive for text in texts):
            raise BudgetUsedUp
        out["F"] = self.archive.objective_values(texts)
        out["G"] = self.archive.constraint_values(texts)

    def _records(self, genotypes: Sequence[Genotype]) -> list[Record]:
        if self.max_evaluations is not None and genotypes:
            counted = np.cumsum(self.accept(np.stack(genotypes)))
            genotypes = genotypes[: int((counted <= self.max_evaluations - self.archive.evaluations).sum())]
        records = self.evaluator.evaluate(genotypes, self.on_record, self.meanwhile)
        return [record for record in records if record is not None]


class RankingEvaluator(PymooEvaluator):  # type: ignore[misc]
    """pymoo's evaluator, with the scores of the whole population brought up to date after every batch.

    Example::

        minimize(problem, NSGA2(pop_size=40), ("n_gen", 10), seed=1, evaluator=RankingEvaluator())
    """

    def _eval(
        self,
        problem: SearchProblem,
        pop: Population,
        evaluate_values_of: list[str],
        algorithm: Any = None,
        **kwargs: Any,
    ) -> None:
        super()._eval(problem, pop, evaluate_values_of, **kwargs)
        if algorithm is not None and algorithm.pop is not None:
            problem.update(algorithm.pop)


def _codes(genotypes: NDArray[Any]) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = np.rint(np.asarray(genotypes, dtype=float)).astype(np.int64)
    return codes
