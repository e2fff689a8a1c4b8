from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coernas_moo.objectives import OBJECTIVES
from coernas_moo.reporting import format as fmt

PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@given(st.floats(1, 9.9e14))
def test_a_count_is_read_back_to_three_digits(number: float) -> None:
    digits, _, prefix = fmt.count(number).partition(" ")
    assert float(digits) * PREFIXES[prefix] == pytest.approx(number, rel=6e-3)
    assert len(digits.replace(".", "")) <= 3 or prefix in ("", "T")


@given(st.floats(1e-3, 1e6))
def test_a_latency_is_read_back(value: float) -> None:
    digits, unit = fmt.milliseconds(value).split()
    assert float(digits) * {"µs": 1e-3, "ms": 1, "s": 1e3}[unit] == pytest.approx(value, rel=6e-2, abs=6e-6)


@given(st.floats(0, 1e6))
def test_no_duration_says_sixty(seconds: float) -> None:
    text = fmt.duration(seconds)
    assert "60" not in text.split(" min")[-1]
    assert " 60 " not in f" {text.split(' h ')[-1]} "


@pytest.mark.parametrize("name", list(OBJECTIVES))
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_known_is_a_dash(name: str, number: float) -> None:
    assert fmt.value(name, number) == fmt.UNKNOWN


def test_a_cost_that_is_no_objective_has_a_unit_where_its_name_says_so() -> None:
    assert fmt.value("latency_iqr_ms", 0.25) == "0.25 ms"
    assert fmt.value("something", 0.25) == "0.25"
    assert fmt.value("something", 12_500) == "12.5 k"


def test_shares() -> None:
    assert [fmt.share(part, 10_000) for part in (0, 1, 4, 6, 10_000)] == ["0 %", "<0.1 %", "<0.1 %", "0.1 %", "100.0 %"]
