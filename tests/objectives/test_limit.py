from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coernas_moo.errors import ProblemFileError
from coernas_moo.objectives import Limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("params <= 2e6", Limit("params", "<=", 2e6)),
        ("  latency_ms<=3 ", Limit("latency_ms", "<=", 3.0)),
        ("score >= 0.5", Limit("score", ">=", 0.5)),
        ("params <= 2_000_000", Limit("params", "<=", 2e6)),
        ("my.own-cost >= -1", Limit("my.own-cost", ">=", -1.0)),
    ],
)
def test_limits_are_read(text: str, limit: Limit) -> None:
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "params",
        "params < 3",
        "params = 3",
        "params <= many",
        "<= 3",
        "params <= 1e",
        "params <= nan",
        "params <= inf",
        "params <= 1e400",
        "3 <= params",
    ],
)
def test_what_is_no_limit_is_named(text: str) -> None:
    with pytest.raises(ProblemFileError, match="is not a limit; write for example 'params <= 2e6'") as caught:
        Limit.parse(text)
    assert repr(text) in str(caught.value)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_violation_is_positive_exactly_where_the_limit_is_broken(value: float, bound: float) -> None:
    assert (Limit("x", "<=", bound).violation(value) > 0) == (value > bound)
    assert (Limit("x", ">=", bound).violation(value) > 0) == (value < bound)


def test_violations_are_relative_to_the_bound() -> None:
    assert Limit("x", "<=", 2.0).violation(3.0) == 0.5
    assert Limit("x", ">=", -2.0).violation(-3.0) == 0.5
    assert Limit("x", "<=", 0.0).violation(3.0) == 3.0
    assert math.isinf(Limit("x", "<=", 1.0).violation(math.inf))
