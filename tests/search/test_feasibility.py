from __future__ import annotations

import numpy as np
import pytest

from coernas_moo.errors import ProblemFileError
from coernas_moo.search.feasibility import descend, require_feasible
from coernas_moo.testing.algorithms import DEEP, synthetic_problem


@pytest.mark.parametrize("seed", range(3))
def test_descent_finds_networks_that_random_draws_do_not(seed: int) -> None:
    problem, evaluator = synthetic_problem(DEEP, ["params <= 15000", "macs <= 4e5"])
    sample = problem.space.sample(200, np.random.default_rng(seed))
    assert not problem.accept(sample).any()
    found = descend(evaluator.costs, sample[0])
    assert problem.space.params(found) <= 15000
    assert problem.space.macs(found) <= 4e5
    require_feasible(evaluator.costs, np.random.default_rng(seed))


def test_descent_leaves_alone_what_meets_the_limits() -> None:
    problem, evaluator = synthetic_problem(DEEP, ["params <= 1e9"])
    genotype = problem.space.sample(1, np.random.default_rng(0))[0]
    assert np.array_equal(descend(evaluator.costs, genotype), genotype)


def test_limits_that_exclude_each_other_are_named_with_the_nearest() -> None:
    _, evaluator = synthetic_problem(DEEP, ["params <= 15000", "macs >= 1e9"])
    with pytest.raises(
        ProblemFileError, match=r"no network of the space meets .*; the nearest found has params = \d+, macs = "
    ):
        require_feasible(evaluator.costs, np.random.default_rng(0))


def test_limits_that_need_the_network_are_not_judged_before() -> None:
    _, evaluator = synthetic_problem(DEEP, ["score >= 0.5"])
    assert evaluator.costs.limits == ()
    require_feasible(evaluator.costs, np.random.default_rng(0))
