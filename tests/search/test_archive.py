from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.evaluation.record import Record
from coernas_moo.objectives import Limit
from coernas_moo.proxies.distribution import ProxyDistribution
from coernas_moo.proxies.fusion import merge_ranks
from coernas_moo.search.archive import WORST, Archive

PROXIES = ("uncertainty", "isotropy")
values = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([math.inf, -math.inf, math.nan]))


def archive(
    *records: Record,
    limits: tuple[str, ...] = (),
    objectives: tuple[str, ...] = ("score", "params"),
    first: int | None = None,
) -> Archive:
    made = Archive(objectives, [Limit.parse(text) for text in limits], PROXIES, 0.0, first)
    made.add(records)
    return made


def scored(text: str, uncertainty: float, isotropy: float, params: float, **costs: float) -> Record:
    return Record(text, {"uncertainty": uncertainty, "isotropy": isotropy}, {"params": params, **costs})


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(values, values, st.integers(1, 5).map(float)), min_size=1, max_size=12),
    st.one_of(st.none(), st.integers(1, 12)),
)
def test_scores_and_front_agree_with_the_definitions(rows: list[tuple[float, float, float]], first: int | None) -> None:
    made = archive(*(scored(f"n{i:02}", *row) for i, row in enumerate(rows)), first=first)
    proxies = np.array([row[:2] for row in rows])
    expected = merge_ranks(ProxyDistribution(proxies[:first]).ranks(proxies), 0.0, 1.0)
    assert [made.scores[f"n{i:02}"] for i in range(len(rows))] == expected.tolist()
    objectives = [(-score, row[2]) for score, row in zip(expected, rows, strict=True)]
    front = [
        (own, f"n{i:02}")
        for i, own in enumerate(objectives)
        if not any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in objectives)
    ]
    assert made.front() == [text for _, text in sorted(front)]


def test_the_front_does_not_depend_on_the_order_of_evaluation() -> None:
    rng = np.random.default_rng(0)
    records = [scored(f"n{i}", *rng.integers(0, 4, 3).astype(float)) for i in range(40)]
    shuffled = [records[i] for i in rng.permutation(40)]
    one, other = archive(*records), archive(*shuffled)
    assert one.front() == other.front()
    assert one.scores == other.scores


def test_scores_move_until_the_first_population_is_there() -> None:
    made = archive(scored("a", 1, 1, 5))
    assert made.scores == {"a": 0.5}
    made.add([scored("b", 2, 2, 9)])
    assert made.scores["a"] < 0.5 < made.scores["b"]
    made.settle()
    before = made.scores
    made.add([scored("c", 3, 3, 9), Record("d", costs={"params": 1.0}, failure="killed", tries=2)])
    made.settle()
    assert made.first == 2
    assert {text: made.scores[text] for text in before} == before
    assert made.scores["b"] < made.scores["c"] < 1
    assert made.objective_values(["a"]).tolist() == [[-before["a"], 5.0]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(values, values), min_size=8, max_size=20), st.integers(1, 7), st.integers(1, 6))
def test_it_does_not_matter_in_how_many_parts_it_is_filled(
    rows: list[tuple[float, float]], first: int, part: int
) -> None:
    records = [scored(f"n{i:02}", *row, 1.0) for i, row in enumerate(rows)]
    records[2] = Record("n02", costs={"params": 1.0}, failure="killed", tries=2)
    records[3] = Record("n03", costs={"params": 99.0}, over_limit=True)
    whole, grown = archive(*records, first=first), archive(first=first)
    for start in range(0, len(records), part):
        grown.add(records[start : start + part])
        _ = grown.front()
    assert grown.scores == whole.scores
    assert grown.front() == whole.front()


def test_what_could_not_be_built_counts_in_the_first_population_and_what_is_not_built_does_not() -> None:
    rows = [scored("a", 1, 1, 5), scored("b", 2, 3, 9), scored("c", 5, 1, 9), scored("d", 4, 4, 4)]
    failed = Record("x", costs={"params": 1.0}, failure="killed", tries=2)
    unbuilt = Record("y", costs={"params": 90.0}, over_limit=True)
    assert archive(failed, unbuilt, *rows, first=3).scores == archive(*rows, first=2).scores


def test_a_record_in_place_of_an_older_one_moves_the_scores() -> None:
    made = archive(scored("a", 1, 1, 5), Record("b", costs={"params": 9.0}, failure="killed", tries=1), first=2)
    made.add([scored("b", 2, 2, 9)])
    assert made.scores == archive(scored("a", 1, 1, 5), scored("b", 2, 2, 9), first=2).scores


def test_failed_and_unbuilt_candidates_are_counted_and_kept_out() -> None:
    made = archive(
        scored("a", 1, 1, 5),
        Record("b", costs={"params": 1.0}, failure="killed", tries=2),
        Record("c", costs={"params": 90.0}, over_limit=True),
        limits=("params <= 10",),
    )
    assert len(made) == 3
    assert made.evaluations == 2
    assert [record.text for record in made.failures] == ["b"]
    assert made.scores == {"a": 0.5}
    assert made.objective_values(["b", "c"]).tolist() == [[WORST, WORST], [WORST, 90.0]]
    assert made.constraint_values(["a", "b", "c"]).tolist() == [[-0.5, -1.0], [-0.9, 1.0], [8.0, -1.0]]
    assert made.front() == ["a"]


def test_a_limit_on_the_score_is_kept() -> None:
    made = archive(scored("a", 1, 1, 5), scored("b", 2, 2, 9), limits=("score >= 0.5",))
    assert made.front() == ["b"]


@pytest.mark.parametrize("latency", [None, math.nan, math.inf])
def test_what_has_no_value_of_an_objective_is_not_in_the_front(latency: float | None) -> None:
    unmeasured = scored("b", 2, 2, 9, **({} if latency is None else {"latency_ms": latency}))
    made = archive(scored("a", 1, 1, 5, latency_ms=3.0), unmeasured, objectives=("score", "latency_ms"))
    assert made.front() == ["a"]
    assert made.objective_values(["b"]).tolist() == [[-made.scores["b"], WORST]]
    assert np.isfinite(made.objective_values(["a", "b"])).all()


def test_an_empty_archive() -> None:
    made = archive()
    assert made.front() == []
    assert made.scores == {}
    assert made.objective_values([]).shape == (0, 2)
    assert made.constraint_values([]).shape == (0, 1)
