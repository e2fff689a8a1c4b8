from __future__ import annotations

import pytest

from coernas_moo.config import SearchSettings
from coernas_moo.networks.layers import Shape
from coernas_moo.search.hd_duaas import HDDUAAS
from coernas_moo.search.presets import PRESETS, effective_preset
from coernas_moo.spaces import NASBench201, SeparableSettings


def test_the_five_published_presets() -> None:
    sizes = {number: (p.population, p.generations, p.tournament) for number, p in PRESETS.items()}
    assert sizes == {1: (50, 50, 3), 2: (80, 100, 2), 3: (40, 40, 4), 4: (30, 10, 3), 5: (60, 70, 3)}


def test_what_is_set_goes_over_the_preset() -> None:
    settings = SearchSettings(preset=2, generations=7, tournament=5, mutation={"pool": 0.5})
    preset = effective_preset(settings)
    assert (preset.population, preset.generations, preset.tournament) == (80, 7, 5)
    assert dict(preset.mutation) == {**PRESETS[2].mutation, "pool": 0.5}
    assert dict(preset.crossover) == dict(PRESETS[2].crossover)
    assert PRESETS[2].mutation["pool"] == 0.05


def test_the_algorithm_takes_its_rates_from_the_preset() -> None:
    space = SeparableSettings(stages=2).build(Shape(3, 16, 16), 10)
    algorithm = HDDUAAS(space, PRESETS[3])
    assert {segment.name: p for segment, _, p in algorithm.mating.crossover.parts} == {
        "conv": 0.7, "pool": 0.6, "depth": 0.5,
    }  # fmt: skip
    assert algorithm.mating.mutation.rates[space.slices["conv"]].tolist() == [0.03] * len(space.segments[0])
    assert algorithm.mating.selection.pressure == 4
    assert algorithm.pop_size == 40


def test_a_segment_the_preset_does_not_name_has_the_rates_of_conv_or_mutates_one_gene() -> None:
    algorithm = HDDUAAS(NASBench201(Shape(3, 16, 16), 10), PRESETS[2])
    assert [p for _, _, p in algorithm.mating.crossover.parts] == [0.9]
    assert algorithm.mating.mutation.rates.tolist() == pytest.approx([1 / 6] * 6)
