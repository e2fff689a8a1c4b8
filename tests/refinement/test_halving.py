"""Budgets, rungs, who goes on, and which candidates there are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coernas_moo.config import load_problem
from coernas_moo.errors import CoernasError
from coernas_moo.refinement.budget import seconds_of
from coernas_moo.refinement.candidates import by_score, candidates_of, choose
from coernas_moo.refinement.halving import best_first, epochs_of, longest, rungs_of
from coernas_moo.refinement.on_table import pick_from_table
from coernas_moo.testing.runs import make_run


@pytest.mark.parametrize("text", ["", "m", "ten", "-5", "0", "0s", "10 days", "5m3h", "nan", "inf"])
def test_a_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CoernasError, match="10m"):
        seconds_of(text)


@given(st.integers(2, 40), st.integers(1, 100), st.integers(2, 5000))
def test_rungs_fit_the_budget_and_a_longer_first_rung_would_not(candidates: int, most: int, budget: int) -> None:
    rungs = longest(candidates, most, lambda rungs: epochs_of(rungs) <= budget)
    assert epochs_of(rungs) <= budget
    assert rungs[-1].epochs <= most
    assert all(a.candidates > b.candidates and a.epochs < b.epochs for a, b in pairwise(rungs))
    if rungs[0].epochs < most:
        assert epochs_of(rungs_of(rungs[0].epochs + 1, rungs[0].candidates, most)) > budget
    if rungs[0].candidates < candidates:
        assert epochs_of(rungs_of(1, rungs[0].candidates + 1, most)) > budget


def test_a_budget_below_one_epoch_of_two_is_refused() -> None:
    with pytest.raises(CoernasError, match="does not pay"):
        longest(20, 60, lambda rungs: epochs_of(rungs) <= 1)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_without_a_number_of_images_the_order_is_that_of_accuracy_then_score(hits: list[int]) -> None:
    validation = {number: hit / 50 for number, hit in enumerate(hits, start=1)}
    assert best_first(validation) == sorted(validation, key=lambda n: (-validation[n], n))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_images_overturn_accuracy_only_within_a_standard_error(hits: list[int]) -> None:
    validation = {number: hit / 50 for number, hit in enumerate(hits, start=1)}
    order = best_first(validation, 50)
    at = min(max(validation.values()), 0.99)
    error = np.sqrt(at * (1 - at) / 50)
    assert sorted(order) == sorted(validation)
    for ahead, behind in pairwise(order):
        assert validation[behind] - validation[ahead] <= error + 1e-9


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_the_pick_from_the_table_is_that_of_a_plain_loop(seed: int, last: int) -> None:
    rng = np.random.default_rng(seed)
    short, full = rng.integers(0, 5, 30) / 5, rng.integers(0, 5, 30) / 5
    rows = rng.permutation(30)[:10].tolist()
    left = sorted(range(10), key=lambda i: (-short[rows[i]], i))[:last]
    assert pick_from_table(rows, short, full, last) == rows[min(left, key=lambda i: (-full[rows[i]], i))]


def test_half_of_the_candidates_are_the_fronts_best_by_score_and_half_the_archives(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", load_problem("nb201"), networks=200)
    order, front = by_score(run.archive), set(run.archive.front())
    assert [run.archive.scores[text] for text in order] == sorted(run.archive.scores.values(), reverse=True)
    for count in (1, 2, 5, 10, 3 * len(front)):
        left, expected = list(order), []
        while len(expected) < count:
            wanted = [text for text in left if text in front] if len(expected) < (count + 1) // 2 else left
            expected.append((wanted or left)[0])
            left.remove(expected[-1])
        assert choose(run.archive, count) == sorted(expected, key=order.index)
    texts = choose(run.archive, 2 * len(front))
    assert texts != order[: len(texts)]
    assert choose(run.archive, 10_000) == order
    found = candidates_of(run, len(texts))
    assert [(c.genotype, c.number) for c in found] == [(text, i) for i, text in enumerate(texts, start=1)]
    assert sum(candidate.in_front for candidate in found) >= 1
