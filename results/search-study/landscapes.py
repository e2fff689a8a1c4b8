"""HD-DUAAS with one part changed, on toy landscapes whose genes interact; see results/search-study.md.

    python results/search-study/landscapes.py

Prints a table and writes landscapes.csv beside this file.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.indicators.hv import Hypervolume
from pymoo.operators.crossover.ux import UX
from pymoo.optimize import minimize
from scipy.stats import ttest_1samp
from threadpoolctl import threadpool_limits

from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.search.baselines import one_gene, real_coded
from coernas_moo.search.crossover import SegmentCrossover
from coernas_moo.search.duplicates import CanonicalDuplicates
from coernas_moo.search.hd_duaas import HDDUAAS
from coernas_moo.search.mutation import AdaptiveMutation
from coernas_moo.search.presets import Preset
from coernas_moo.search.sampling import BalancedSampling
from coernas_moo.search.surrogate import Encoded
from coernas_moo.spaces import Genotype, SearchSpace
from coernas_moo.spaces.segment import Segment

SEGMENTS, GENES, OPTIONS = 6, 6, 4
ALL_GENES = SEGMENTS * GENES
LANDSCAPES = 20
PRESET = Preset(population=40, generations=25, tournament=3, crossover={"conv": 0.8}, mutation={"conv": 0.05})
BUDGET = PRESET.population * PRESET.generations


class Plain(SearchSpace):
    """Six segments of six genes with four options; every genotype is canonical and none has a network."""

    def __init__(self, segments: int = SEGMENTS) -> None:
        options = tuple(str(code) for code in range(OPTIONS))
        names = [f"s{i}" for i in range(segments)]
        genes = range(ALL_GENES // segments)
        super().__init__(
            [Segment(name, tuple(f"{name}.{g}" for g in genes), options) for name in names], Shape(1, 8, 8), 2
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


class Landscape(Problem):  # type: ignore[misc]
    """Maximise a sum of random tables, each of all combinations of some genes; every gene is in one table.

    A combination is worth the exponential of a normal number, so good ones are few and have to be kept whole.

    Args:
        seed: draws the tables.
        size: genes of a table, neighbours in one segment.
        scattered: they come from all segments instead.
        cost: a second objective, to be minimised: a sum of positive random numbers, one an option of a gene.
    """

    def __init__(self, seed: int, size: int = GENES, scattered: bool = False, cost: bool = False) -> None:
        super().__init__(n_var=ALL_GENES, n_obj=1 + cost, xl=np.zeros(ALL_GENES), xu=np.full(ALL_GENES, OPTIONS - 1.0))
        rng = np.random.default_rng(seed)
        self.size = size
        self.tables = np.exp(rng.normal(size=(ALL_GENES // size, OPTIONS**size)))
        self.order = rng.permutation(ALL_GENES) if scattered else np.arange(ALL_GENES)
        self.prices = rng.random((ALL_GENES, OPTIONS)) if cost else None
        self.genotypes: list[NDArray[np.int64]] = []
        self.values: list[NDArray[np.float64]] = []

    def costs(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """What is known without evaluating, NaN elsewhere; shape (n, objectives)."""
        known = np.full((len(codes), self.n_obj), np.nan)
        if self.prices is not None:
            known[:, 1] = self.prices[np.arange(ALL_GENES), codes].sum(axis=1)
        return known

    def _evaluate(self, X: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        codes = np.rint(X).astype(int)
        groups = codes[:, self.order].reshape(len(codes), -1, self.size)
        index = (groups * OPTIONS ** np.arange(self.size)).sum(axis=2)
        values = self.costs(codes)
        values[:, 0] = -self.tables[np.arange(len(self.tables)), index].sum(axis=1)
        self.genotypes.append(codes)
        self.values.append(values)
        out["F"] = values

    def reached(self) -> float:
        """The largest sum that was evaluated; with costs, the area between the front and (no sum, the highest cost)."""
        values = np.concatenate(self.values)[:BUDGET]
        if self.prices is None:
            return float(-values.min())
        return float(Hypervolume(ref_point=np.array([0.0, self.prices.max(axis=1).sum()]))(values))


class Known:
    """What a search on a landscape knows: its evaluations so far, and costs."""

    def __init__(self, landscape: Landscape, space: SearchSpace) -> None:
        self.landscape = landscape
        self.space = space

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Genotypes and objective values."""
        return np.concatenate(self.landscape.genotypes), np.concatenate(self.landscape.values)

    def costs(self, canonical: NDArray[np.int64]) -> NDArray[np.float64]:
        """Costs, NaN for the sum."""
        return self.landscape.costs(canonical)

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        """The genotypes as they are."""
        return Encoded(canonical, self.space.cardinalities, list(self.space.slices.values()))

    def readings(self) -> None:
        """No score is searched."""


class UniformStart(HDDUAAS):
    """The first population is uniform."""

    def _initialize_infill(self) -> Population:
        return Population.new("X", self.space.sample(self.pop_size, self.random_state))


class Wild(HDDUAAS):
    """Uniform samples after the balanced first population."""

    def _mated(self, n: int) -> NDArray[np.int64]:
        return self.space.sample(n, self.random_state)


def changed(**operators: Any) -> HDDUAAS:
    """HD-DUAAS without screening, with other operators of mating: `crossover`, `mutation`."""
    algorithm = HDDUAAS(Plain(), PRESET)
    for name, operator in operators.items():
        setattr(algorithm.mating, name, operator)
    return algorithm


def nsga2(**operators: Any) -> Algorithm:
    """pymoo's NSGA-II from the same first population."""
    space = Plain()
    return NSGA2(
        pop_size=PRESET.population,
        sampling=BalancedSampling(space),
        eliminate_duplicates=CanonicalDuplicates(space),
        **operators,
    )


def mutation(**options: Any) -> AdaptiveMutation:
    return AdaptiveMutation(Plain(), **{"default": PRESET.mutation["conv"], **options})


VARIANTS: dict[str, Callable[[Landscape], Algorithm]] = {
    "hd-duaas-plain": lambda _: HDDUAAS(Plain(), PRESET),
    "hd-duaas": lambda landscape: HDDUAAS(Plain(), PRESET, knowledge=Known(landscape, Plain())),
    "plain-fixed-mutation": lambda _: changed(mutation=mutation(calm=1.0, wild=1.0)),
    "plain-one-gene": lambda _: changed(mutation=mutation(default=1.0 / ALL_GENES)),
    "plain-no-crossover": lambda _: changed(crossover=SegmentCrossover(Plain(), default=0.0)),
    "plain-one-segment": lambda _: changed(crossover=SegmentCrossover(Plain(segments=1))),
    "plain-uniform-start": lambda _: UniformStart(Plain(), PRESET),
    "nsga2": lambda _: nsga2(crossover=UX(prob=0.9), mutation=one_gene(Plain())),
    "nsga2-sbx": lambda _: nsga2(**real_coded()),
    "random": lambda _: Wild(Plain(), PRESET),
}
REFERENCE = "hd-duaas-plain"
KINDS: dict[str, dict[str, Any]] = {
    "whole segments": {},
    "whole segments, with costs": {"cost": True},
    "six genes anywhere": {"scattered": True},
    "pairs": {"size": 2},
    "pairs, with costs": {"size": 2, "cost": True},
}


def search(name: str, kind: str, seed: int) -> float:
    """What a variant reaches in `BUDGET` evaluations of a landscape."""
    landscape = Landscape(seed, **KINDS[kind])
    minimize(landscape, VARIANTS[name](landscape), ("n_eval", BUDGET), seed=seed, copy_algorithm=False)
    return landscape.reached()


def ratio(values: NDArray[np.float64], reference: NDArray[np.float64]) -> str:
    """Geometric mean of the ratios and its 95 % interval."""
    logs = np.log(values / reference)
    interval = ttest_1samp(logs, 0.0).confidence_interval()
    low, middle, high = np.exp([interval.low, logs.mean(), interval.high])
    return f"x{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Search all landscapes with all variants."""
    reached = {
        (name, kind): np.array([search(name, kind, seed) for seed in range(1, LANDSCAPES + 1)])
        for name in VARIANTS
        for kind in KINDS
    }
    with Path(__file__).with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["algorithm", "landscapes", "seed", "reached"])
        for (name, kind), values in reached.items():
            writer.writerows([name, kind, seed, f"{value:.6g}"] for seed, value in enumerate(values.tolist(), start=1))
    lines = [f"| algorithm | {' | '.join(KINDS)} |", f"|---|{'---:|' * len(KINDS)}"]
    for name in VARIANTS:
        cells = [
            "x1.00" if name == REFERENCE else ratio(reached[name, kind], reached[REFERENCE, kind]) for kind in KINDS
        ]
        lines.append(f"| {' | '.join([name, *cells])} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
