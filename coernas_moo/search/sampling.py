"""First populations: every option in every position, and only what meets the closed-form limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from coernas_moo.spaces import Genotype, SearchSpace

Accept = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Which rows of a population (n, genes) may be used."""

Repair = Callable[[Genotype], Genotype]


class BalancedSampling(Sampling):  # type: ignore[misc]
    """Stratified sampling of categorical genes: in n samples each option occurs n / options times, give or take one.

    The categorical form of Latin hypercube sampling (McKay et al. 1979). Rows that are not accepted, or repeat a
    canonical form, are drawn anew uniformly.

    Args:
        space: the search space.
        accept: which rows may be used; all by default.
        repair: turns a row that is not accepted into one that is, where it can; tried when drawing anew was in vain.
        rounds: how often missing rows are drawn anew before they are repaired, or the population stays smaller.
    """

    def __init__(
        self, space: SearchSpace, accept: Accept | None = None, repair: Repair | None = None, rounds: int = 50
    ) -> None:
        super().__init__()
        self.space = space
        self.accept = accept
        self.within_limits = repair
        self.rounds = rounds

    def _do(
        self, problem: Problem, n_samples: int, *args: Any, random_state: np.random.Generator, **kwargs: Any
    ) -> NDArray[np.int64]:
        chosen: dict[bytes, NDArray[np.int64]] = {}
        rows = self._balanced(n_samples, random_state)
        for _ in range(self.rounds):
            self._choose(rows, chosen)
            if len(chosen) >= n_samples:
                break
            rows = self.space.sample(n_samples, random_state)
        if len(chosen) < n_samples and self.within_limits is not None:
            self._choose(np.stack([self.within_limits(row) for row in rows[len(chosen) :]]), chosen)
        return np.array(list(chosen.values())[:n_samples], dtype=np.int64).reshape(-1, len(self.space.genes))

    def _choose(self, rows: NDArray[np.int64], chosen: dict[bytes, NDArray[np.int64]]) -> None:
        usable = np.ones(len(rows), dtype=bool) if self.accept is None else self.accept(rows)
        for row in rows[usable]:
            chosen.setdefault(self.space.canonical(row).tobytes(), row)

    def _balanced(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        columns = []
        for options in self.space.cardinalities.tolist():
            repeats = np.concatenate([rng.permutation(options) for _ in range(-(-n // options))])
            columns.append(rng.permutation(repeats[:n]))
        return np.stack(columns, axis=1).astype(np.int64)
