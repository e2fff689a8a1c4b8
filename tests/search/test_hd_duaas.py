"""How HD-DUAAS proposes: as matrices what pymoo's mating does with individuals."""

from __future__ import annotations

import numpy as np
import pytest
from pymoo.core.duplicate import NoDuplicateElimination
from pymoo.core.termination import NoTermination

from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.hd_duaas import HDDUAAS
from coernas_moo.search.presets import effective_preset
from coernas_moo.testing.algorithms import CELLS, DEEP, drive, synthetic_problem


def searched(text: str, limits: tuple[str, ...] = (), generations: int = 3) -> HDDUAAS:
    """The algorithm after a few generations."""
    problem, evaluator = synthetic_problem(text, limits)
    algorithm = ALGORITHMS["hd-duaas"](problem, effective_preset(evaluator.problem.search))
    algorithm.setup(problem, termination=NoTermination(), seed=1)
    for _ in range(generations):
        offspring = algorithm.ask()
        algorithm.evaluator.eval(problem, offspring, algorithm=algorithm)
        algorithm.tell(infills=offspring)
    assert isinstance(algorithm, HDDUAAS)
    return algorithm


@pytest.mark.parametrize("text", [CELLS, DEEP])
@pytest.mark.parametrize("n", [1, 2, 33])
def test_mating_by_codes_is_pymoos_mating(text: str, n: int) -> None:
    algorithm = searched(text)
    before = algorithm.random_state.bit_generator.state
    mated = algorithm._mated(n)
    after = algorithm.random_state.bit_generator.state
    algorithm.random_state.bit_generator.state = before
    algorithm.mating.eliminate_duplicates = NoDuplicateElimination()
    expected = algorithm.mating.do(
        algorithm.problem,
        algorithm.pop,
        n,
        n_max_iterations=1,
        algorithm=algorithm,
        random_state=algorithm.random_state,
    )
    assert np.array_equal(mated, expected.get("X"))
    assert algorithm.random_state.bit_generator.state == after


def test_candidates_are_new_to_the_run_to_the_population_and_to_what_is_in_work() -> None:
    algorithm = searched(CELLS, ("params <= 600000",))
    problem, space = algorithm.problem, algorithm.space
    asked = algorithm.ask()
    texts = {space.to_text(space.canonical(row)) for row in asked.get("X")}
    candidates = np.concatenate([asked.get("X"), algorithm.pop.get("X"), space.sample(300, np.random.default_rng(0))])
    usable, canonical = algorithm._usable(candidates, algorithm._there())
    assert np.array_equal(canonical, [space.canonical(row) for row in usable])
    found = [space.to_text(form) for form in canonical]
    assert len(set(found)) == len(found)
    assert not texts & set(found)
    assert not any(text in problem.archive for text in found)
    assert all(space.params(form) <= 600_000 for form in canonical)
    everything = {space.to_text(space.canonical(row)) for row in candidates}
    left_out = everything - set(found) - texts - {record.text for record in problem.archive}
    assert left_out
    assert all(space.params(space.from_text(text)) > 600_000 for text in left_out)


@pytest.mark.parametrize("algorithm", ["random", "hd-duaas", "hd-duaas-plain"])
def test_a_limit_that_one_in_thousands_meets_does_not_end_a_search(algorithm: str) -> None:
    evaluator, _, sizes, ended = drive(algorithm, DEEP, generations=8, limits=["params <= 15000"])
    assert not ended
    assert len(evaluator.evaluated) == sum(sizes) > 10
