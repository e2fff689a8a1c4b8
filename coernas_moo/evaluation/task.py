"""What a worker does with one candidate: build, trace, proxies, costs of the built network."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.plugins import load_plugins
from coernas_moo.proxies import score
from coernas_moo.spaces import SearchSpace


class Measured(NamedTuple):
    """What a worker found: raw proxy values, and values of objectives that need the built network."""

    proxies: dict[str, float]
    costs: dict[str, float]


@dataclass(frozen=True)
class ScoringTask:
    """Scores canonical genotypes; one instance is sent to every worker once.

    Args:
        space: at full size, for objectives that need the built network.
        scoring_space: the same genes at low fidelity.
        proxies: names.
        batch, repeats, seed: of the trace.
        images: real images (n, c, h, w) at scoring size, or None for Gaussian noise.
        objectives: names of the objectives that need the built network.
        plugins: files to import before the rest is unpickled, which may hold classes and functions of theirs.
        refuse_nan: whether a value that is NaN makes the candidate fail; otherwise it is passed on.
    """

    space: SearchSpace
    scoring_space: SearchSpace
    proxies: tuple[str, ...]
    batch: int
    repeats: int
    seed: int
    images: Tensor | None
    objectives: tuple[str, ...]
    plugins: tuple[str, ...]
    refuse_nan: bool = True

    def __call__(self, genotype: tuple[int, ...]) -> Measured:
        """Raises `CoernasError` where a value is NaN, unless told otherwise: such a candidate cannot be ranked."""
        found = score(
            self.scoring_space.build(genotype),
            self.scoring_space.input_shape,
            self.space.classes,
            batch=self.batch,
            seed=self.seed,
            repeats=self.repeats,
            proxies=self.proxies,
            images=self.images,
            restore=False,
        )
        costs = {name: self._cost(name, genotype) for name in self.objectives}
        for name, value in {**found.values, **costs}.items():
            if self.refuse_nan and math.isnan(value):
                raise CoernasError(f"{name} is NaN")
        return Measured(dict(found.values), costs)

    def __reduce__(self) -> tuple[object, ...]:
        values = pickle.dumps([getattr(self, field.name) for field in fields(self)])
        return _with_plugins, (self.plugins, type(self), values)

    def _cost(self, name: str, genotype: tuple[int, ...]) -> float:
        of_network = OBJECTIVES[name].of_network
        if of_network is None:
            raise CoernasError(f"objective {name!r} is not a function of the built network")
        network = self.space.build(genotype)
        he_init(network, torch.Generator().manual_seed(self.seed))
        return float(of_network(network, self.space.input_shape))


def _with_plugins(plugins: tuple[str, ...], kind: type[ScoringTask], values: bytes) -> ScoringTask:
    load_plugins(plugins)
    return kind(*pickle.loads(values))
