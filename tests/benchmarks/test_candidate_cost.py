"""The measurement of a candidate's cost."""

import numpy as np
import pytest
import torch

from coernas_moo.benchmarks.candidate_cost import measure_candidate_cost
from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.nasbench201 import NASBench201


def test_parts_and_whole() -> None:
    threads = torch.get_num_threads()
    cost = measure_candidate_cost(NASBench201(Shape(3, 8, 8), 4).reduced(8), networks=3, batch=4, rounds=2)
    assert cost.networks == 3
    assert 0 < cost.build_ms < cost.full_ms
    assert cost.ratio_low <= cost.ratio <= cost.ratio_high
    assert cost.candidates_per_second == pytest.approx(1000 / cost.full_ms)
    assert np.isfinite(cost.bare_ms)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("arguments", [{"networks": 0}, {"rounds": 0}])
def test_refuses(arguments: dict[str, int]) -> None:
    with pytest.raises(CoernasError, match="at least 1"):
        measure_candidate_cost(NASBench201(Shape(3, 8, 8), 4), **arguments)
