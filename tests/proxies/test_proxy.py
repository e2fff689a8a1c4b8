"""The registry of proxies, and the conformance of those that ship."""

import math

import pytest

from coernas_moo.errors import CoernasError
from coernas_moo.proxies import DIMENSIONS, PROXIES, Proxy, Trace, register_proxy
from coernas_moo.testing.proxies import ProxyConformance


class TestRobustness(ProxyConformance):
    name = "robustness"


class TestIsotropy(ProxyConformance):
    name = "isotropy"


class TestUncertainty(ProxyConformance):
    name = "uncertainty"


class TestRegularity(ProxyConformance):
    name = "regularity"


def test_the_four_dimensions_are_registered() -> None:
    assert set(DIMENSIONS) <= set(PROXIES)


def test_duplicates_are_refused() -> None:
    with pytest.raises(CoernasError, match="registered already"):
        register_proxy("isotropy", needs=(), source="nobody")(lambda trace: 0.0)


def test_unknown_needs_are_refused() -> None:
    with pytest.raises(CoernasError, match="'hessian'"):
        Proxy("curvature", lambda trace: 0.0, frozenset({"hessian"}), "d", "s")


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_how_much_of_a_proxy_counts_is_checked(weight: float) -> None:
    with pytest.raises(CoernasError, match="weight"):
        Proxy("curvature", lambda trace: 0.0, frozenset(), "d", "s", weight=weight)


def test_a_minimised_value_is_turned_round() -> None:
    loss = Proxy("loss", lambda trace: trace.loss, frozenset(), "d", "s", direction="minimise")
    assert loss(Trace(loss=2.0)) == -2.0
