"""Do segment operators pay? Where the genes of a segment interact, they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.optimize import minimize

from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.hd_duaas import HDDUAAS
from coernas_moo.search.presets import Preset
from coernas_moo.search.sampling import BalancedSampling
from coernas_moo.spaces import Genotype, SearchSpace
from coernas_moo.spaces.segment import Segment

SEGMENTS, GENES, OPTIONS = 6, 6, 4
PRESET = Preset(40, 60, 3, {"conv": 0.8}, {"conv": 0.05})


class Plain(SearchSpace):
    """Segments of interacting genes; every genotype is canonical and none has a network."""

    def __init__(self) -> None:
        options = tuple(str(code) for code in range(OPTIONS))
        names = [f"s{i}" for i in range(SEGMENTS)]
        super().__init__(
            [Segment(name, tuple(f"{name}.{g}" for g in range(GENES)), options) for name in names], Shape(1, 8, 8), 2
        )

    def canonical(self, genotype: ArrayLike) -> Genotype:
        return self.check(genotype)

    def canonical_size(self) -> int:
        return self.size()

    def plan(self, genotype: ArrayLike) -> NetworkPlan:
        raise NotImplementedError

    def to_text(self, genotype: ArrayLike) -> str:
        raise NotImplementedError

    def from_text(self, text: str) -> Genotype:
        raise NotImplementedError

    def reduced(self, size: int | None = None) -> SearchSpace:
        raise NotImplementedError


class Tables(Problem):
    """Maximise the sum over segments of a random table of all combinations of the segment's genes.

    A combination is worth the exponential of a normal number, so good ones are few and have to be kept whole.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(n_var=SEGMENTS * GENES, n_obj=1, xl=np.zeros(SEGMENTS * GENES), xu=np.full(36, OPTIONS - 1.0))
        self.tables = np.exp(np.random.default_rng(seed).normal(size=(SEGMENTS, OPTIONS**GENES)))

    def _evaluate(self, X: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        codes = np.rint(X).astype(int).reshape(len(X), SEGMENTS, GENES)
        index = (codes * OPTIONS ** np.arange(GENES)).sum(axis=2)
        out["F"] = -self.tables[np.arange(SEGMENTS), index].sum(axis=1, keepdims=True)


@pytest.mark.slow
def test_segment_operators_beat_real_coded_ones_where_genes_interact() -> None:
    space = Plain()
    ours, theirs = [], []
    for seed in range(1, 21):
        problem = Tables(seed)
        baseline = NSGA2(
            pop_size=PRESET.population,
            sampling=BalancedSampling(space),
            crossover=SBX(prob=0.9, eta=15, vtype=float, repair=RoundingRepair()),
            mutation=PM(eta=20, vtype=float, repair=RoundingRepair()),
            eliminate_duplicates=CanonicalDuplicates(space),
        )
        ours.append(-minimize(problem, HDDUAAS(space, PRESET), ("n_gen", PRESET.generations), seed=seed).F[0])
        theirs.append(-minimize(problem, baseline, ("n_gen", PRESET.generations), seed=seed).F[0])
    ratios = np.divide(ours, theirs).ravel()
    print(f"\nbest sums, segment operators over real-coded ones: {np.round(ratios, 2).tolist()}")  # noqa: T201
    assert np.exp(np.log(ratios).mean()) > 1.1
