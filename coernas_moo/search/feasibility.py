"""Finding networks that meet the closed-form limits, where random ones rarely do."""

from __future__ import annotations

import numpy as np

from coernas_moo.errors import ProblemFileError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.spaces import Genotype

SAMPLES = 256
STARTS = 8


def descend(costs: ClosedFormCosts, genotype: Genotype) -> Genotype:
    """Coordinate descent on the violation, gene by gene, until the limits hold or no single gene helps."""
    current, least = genotype.copy(), _violation(costs, genotype)
    improved = True
    while improved and least > 0:
        improved = False
        for gene, options in enumerate(costs.space.cardinalities.tolist()):
            for code in range(options):
                trial = current.copy()
                trial[gene] = code
                violation = _violation(costs, trial)
                if violation < least:
                    current, least, improved = trial, violation, True
    return current


def require_feasible(costs: ClosedFormCosts, rng: np.random.Generator) -> None:
    """Check that some network meets the closed-form limits: random genotypes first, then descent from the least bad.

    Raises:
        ProblemFileError: none was found; the message says how near the search came.
    """
    if not costs.limits:
        return
    sample = costs.space.sample(SAMPLES, rng)
    violations = np.array([_violation(costs, row) for row in sample])
    if violations.min() <= 0:
        return
    found = [descend(costs, sample[i]) for i in np.argsort(violations, kind="stable")[:STARTS]]
    best = min(found, key=lambda genotype: _violation(costs, genotype))
    if _violation(costs, best) <= 0:
        return
    values = _costs(costs, best)
    broken = " and ".join(str(limit) for limit in costs.limits if limit.violation(values[limit.objective]) > 0)
    nearest = ", ".join(f"{name} = {values[name]:.6g}" for name in dict.fromkeys(li.objective for li in costs.limits))
    raise ProblemFileError(
        f"limits: no network of the space meets {broken}; the nearest found has {nearest}: "
        "loosen the limit or change the space (fewer stages, smaller widths)"
    )


def _violation(costs: ClosedFormCosts, genotype: Genotype) -> float:
    return costs.violation(_costs(costs, genotype))


def _costs(costs: ClosedFormCosts, genotype: Genotype) -> dict[str, float]:
    return costs.of([costs.space.canonical(genotype)], {limit.objective for limit in costs.limits})[0]
