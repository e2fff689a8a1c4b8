"""The search as a pymoo `Problem`: any pymoo algorithm can solve it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from pymoo.core.problem import Problem

from coernas_moo.evaluation.batch import Batch, OnRecord
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.record import Record
from coernas_moo.search.archive import Archive
from coernas_moo.search.feasibility import descend
from coernas_moo.search.forms import Forms
from coernas_moo.spaces import Genotype, SearchSpace


class BudgetUsedUp(Exception):
    """Raised inside an evaluation when the budget of evaluations or seconds ends within a batch."""


class CandidateEvaluator(Protocol):
    """What a search needs of the one who evaluates: `Evaluator` in a run, others in benchmarks and tests."""

    @property
    def costs(self) -> ClosedFormCosts:
        """Closed-form costs and limits."""

    @property
    def overlaps(self) -> bool:
        """Whether a batch can be begun while another is in work."""

    def begin(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> Batch:
        """Begin to evaluate distinct canonical genotypes; does not wait for workers."""

    def hand_out(self) -> None:
        """Keep workers busy for a while in which `finish` is not called."""

    def finish(self, batch: Batch) -> list[Record | None]:
        """Records of a batch, in its order; None for those not reached before a stop."""


class SearchProblem(Problem):  # type: ignore[misc]
    """Minimise the problem's objectives over the genotypes of its space.

    `vars` holds one pymoo `Choice` a gene, `xl` and `xu` the bounds of the codes; populations are int64 matrices
    (n, genes), and floats are rounded, so that pymoo's real-coded operators work too. Each row is evaluated on its
    canonical form, once. F (n, objectives) is minimised: maximised objectives are negated. G (n, limits + 1) holds
    where <= 0; the last column is 1 for a candidate that could not be evaluated.

    The first batch is the first population, which scores compare with: draw it from the whole space, as any
    algorithm's sampling does, and evaluate it at once.

    Args:
        space: the search space.
        evaluator: makes records.
        archive: receives them.
    """

    def __init__(self, space: SearchSpace, evaluator: CandidateEvaluator, archive: Archive) -> None:
        self.space = space
        self.forms = Forms(space)
        self.evaluator = evaluator
        self.archive = archive
        self.max_evaluations: int | None = None
        self.on_record: OnRecord | None = None
        self._in_work: set[str] = set()
        self._genotypes: dict[str, Genotype] = {}
        # Canonical genotypes in the archive: most of those asked about are not, and their texts need not be written.
        self._known: set[bytes] = set()
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
        return [self.forms.text(self.forms.canonical(row)) for row in genotypes]

    def is_known(self, canonical: Genotype) -> bool:
        """Whether a canonical genotype is in the archive."""
        if len(self._known) != len(self.archive):
            self._known = {self.genotype(record.text).tobytes() for record in self.archive}
        return canonical.tobytes() in self._known

    def genotype(self, text: str) -> Genotype:
        """The canonical genotype of a text, which need not be read where the search has evaluated it; not to be written
        to."""
        known = self._genotypes.get(text)
        if known is None:
            known = self._genotypes[text] = self.space.canonical(self.space.from_text(text))
        return known

    def accept(self, genotypes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows (n, genes) meet all closed-form limits."""
        costs = self.evaluator.costs
        # Without limits no canonical form is needed.
        if not costs.limits:
            return np.ones(len(genotypes), dtype=bool)
        within: NDArray[np.bool_] = costs.violations(self.forms.canonical_rows(genotypes)) <= 0
        return within

    def assign(self, population: Population) -> None:
        """Give evaluated members their F and G."""
        if len(population):
            texts = self.texts(population.get("X"))
            population.set("F", self.archive.objective_values(texts))
            population.set("G", self.archive.constraint_values(texts))
            # pymoo keeps the violation it computed from the old G.
            population.set("CV", np.full(len(population), None))

    def repair(self, genotype: Genotype) -> Genotype:
        """A genotype near `genotype` that meets the closed-form limits, or comes as near to them as descent gets."""
        return descend(self.evaluator.costs, genotype)

    def _evaluate(self, X: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if len(X) and isinstance(X[0], dict):
            # So pymoo's algorithms for mixed variables have it: codes by the names of genes.
            X = np.array([[row[gene] for gene in self.space.genes] for row in X], dtype=np.int64)
        texts = self._finish(X, self._begin(X))
        out["F"] = self.archive.objective_values(texts)
        out["G"] = self.archive.constraint_values(texts)

    @property
    def evaluations_begun(self) -> int:
        """What counts as an evaluation: in the archive, or in work."""
        return self.archive.evaluations + len(self._in_work)

    @property
    def evaluations_left(self) -> int | None:
        """Candidates that may still be built, those in work taken off; None: no end."""
        return None if self.max_evaluations is None else self.max_evaluations - self.evaluations_begun

    def begin(self, population: Population) -> Batch:
        """Begin to evaluate a population; it may be cut short by the budget of evaluations."""
        return self._begin(population.get("X"))

    def finish(self, population: Population, batch: Batch) -> None:
        """Wait for a population's batch, and give its members their values.

        Raises:
            BudgetUsedUp: a budget ended before all of them had some.
        """
        self._finish(population.get("X"), batch)
        self.assign(population)

    def keep(self, batch: Batch) -> None:
        """Add what there is of a batch to the archive."""
        found = [i for i, record in enumerate(batch.records) if record is not None]
        self.archive.add(record for record in batch.records if record is not None)
        if self.archive.evaluations:
            self.archive.settle()
        self._known.update(batch.genotypes[i].tobytes() for i in found)
        self._genotypes.update((self.forms.text(batch.genotypes[i]), batch.genotypes[i]) for i in found)
        self._in_work.difference_update(self.forms.text(genotype) for genotype in batch.genotypes)

    def _begin(self, population: NDArray[Any]) -> Batch:
        canonical = [self.forms.canonical(row) for row in population]
        by_text = dict(zip(map(self.forms.text, canonical), canonical, strict=True))
        fresh = {text: form for text, form in by_text.items() if not (text in self.archive or text in self._in_work)}
        genotypes = list(fresh.values())
        if genotypes:
            counted = self.accept(np.stack(genotypes))
            left = self.evaluations_left
            if left is not None:
                genotypes = genotypes[: int((np.cumsum(counted) <= left).sum())]
            texts = list(fresh)[: len(genotypes)]
            self._in_work.update(texts[i] for i in np.flatnonzero(counted[: len(texts)]))
        return self.evaluator.begin(genotypes, self.on_record)

    def _finish(self, genotypes: NDArray[Any], batch: Batch) -> list[str]:
        batch.records = self.evaluator.finish(batch)
        self.keep(batch)
        texts = self.texts(genotypes)
        if any(text not in self.archive for text in texts):
            raise BudgetUsedUp
        return texts
