"""The five published settings of HD-DUAAS (COER-NAS, table 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from coernas_moo.config import SearchSettings


@dataclass(frozen=True)
class Preset:
    """Sizes and base rates of a search.

    Args:
        population, generations: sizes.
        tournament: candidates a tournament compares.
        crossover, mutation: probability by segment name; a segment that is not named takes `conv`'s
            (mutation: at least one over the number of genes).
    """

    population: int
    generations: int
    tournament: int
    crossover: Mapping[str, float]
    mutation: Mapping[str, float]


def _rates(conv: float, pool: float, depth: float) -> Mapping[str, float]:
    return MappingProxyType({"conv": conv, "pool": pool, "depth": depth, "width": depth})


PRESETS: Mapping[int, Preset] = MappingProxyType(
    {
        1: Preset(50, 50, 3, _rates(0.8, 0.7, 0.6), _rates(0.05, 0.03, 0.03)),
        2: Preset(80, 100, 2, _rates(0.9, 0.8, 0.8), _rates(0.08, 0.05, 0.05)),
        3: Preset(40, 40, 4, _rates(0.7, 0.6, 0.5), _rates(0.03, 0.02, 0.02)),
        4: Preset(30, 10, 3, _rates(0.8, 0.7, 0.6), _rates(0.05, 0.03, 0.03)),
        5: Preset(60, 70, 3, _rates(0.85, 0.75, 0.7), _rates(0.06, 0.04, 0.04)),
    }
)


def effective_preset(settings: SearchSettings) -> Preset:
    """The preset with whatever the settings give explicitly on top.

    Example:
        >>> effective_preset(SearchSettings(preset=4, population=12)).population
        12
    """
    preset = PRESETS[settings.preset]
    return Preset(
        settings.population or preset.population,
        settings.generations or preset.generations,
        settings.tournament or preset.tournament,
        {**preset.crossover, **settings.crossover},
        {**preset.mutation, **settings.mutation},
    )
