from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coernas_moo.evaluation.record import Record
from coernas_moo.objectives import Limit
from coernas_moo.proxies import fuse
from coernas_moo.search.archive import WORST, Archive

PROXIES = ("uncertainty", "isotropy")
values = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([math.inf, -math.inf, math.nan]))


def archive(
    *records: Record, limits: tuple[str, ...] = (), objectives: tuple[str, ...] = ("score", "params")
) -> Archive:
    made = Archive(objectives, [Limit.parse(text) for text in limits], PROXIES, 0.0)
    made.add(records)
    return made


def scored(text: str, uncertainty: float, isotropy: float, params: float, **costs: float) -> Record:
    return Record(text, {"uncertainty": uncertainty, "isotropy": isotropy}, {"params": params, **costs})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(values, values, st.integers(1, 5).map(float)), min_size=1, max_size=12))
def test_scores_and_front_agree_with_the_definitions(rows: list[tuple[float, float, float]]) -> None:
    made = archive(*(scored(f"n{i:02}", *row) for i, row in enumerate(rows)))
    expected = fuse(np.array([row[:2] for row in rows]), 0.0)
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


def test_scores_move_as_the_archive_grows() -> None:
    made = archive(scored("a", 1, 1, 5))
    assert made.scores == {"a": 1.0}
    made.add([scored("b", 2, 2, 9)])
    assert made.scores == {"a": 0.5, "b": 1.0}
    assert made.objective_values(["a", "b"]).tolist() == [[-0.5, 5.0], [-1.0, 9.0]]


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
    assert made.scores == {"a": 1.0}
    assert made.objective_values(["b", "c"]).tolist() == [[WORST, WORST], [WORST, 90.0]]
    assert made.constraint_values(["a", "b", "c"]).tolist() == [[-0.5, -1.0], [-0.9, 1.0], [8.0, -1.0]]
    assert made.front() == ["a"]


def test_a_limit_on_the_score_is_kept() -> None:
    made = archive(scored("a", 1, 1, 5), scored("b", 2, 2, 9), limits=("score >= 0.8",))
    assert made.front() == ["b"]


@pytest.mark.parametrize("latency", [None, math.nan, math.inf])
def test_what_has_no_value_of_an_objective_is_not_in_the_front(latency: float | None) -> None:
    unmeasured = scored("b", 2, 2, 9, **({} if latency is None else {"latency_ms": latency}))
    made = archive(scored("a", 1, 1, 5, latency_ms=3.0), unmeasured, objectives=("score", "latency_ms"))
    assert made.front() == ["a"]
    assert made.objective_values(["b"]).tolist() == [[-1.0, WORST]]
    assert np.isfinite(made.objective_values(["a", "b"])).all()


def test_an_empty_archive() -> None:
    made = archive()
    assert made.front() == []
    assert made.scores == {}
    assert made.objective_values([]).shape == (0, 2)
    assert made.constraint_values([]).shape == (0, 1)
