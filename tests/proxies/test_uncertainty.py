"""The width of the posterior, from gradients of known norms."""

import math

import pytest
import torch

from coernas_moo.proxies import PROXIES, Trace
from coernas_moo.proxies.feature_map import FeatureMap


def value(proxy: str, *norms: float) -> float:
    gradients = tuple(torch.full((2, 2), norm / 2) for norm in norms)
    return PROXIES[proxy](Trace(loss=1.0, weights=gradients, weight_gradients=gradients))


def test_the_logarithm_of_the_harmonic_mean_of_the_widths() -> None:
    assert value("uncertainty", 1.0, 3.0, 8.0) == pytest.approx(math.log(3 / (1 / 1.0 + 1 / (1 / 3) + 1 / (1 / 8))))
    assert value("uncertainty", 1e-4) == pytest.approx(math.log(1e4))


def test_wide_layers_are_not_sharp_for_being_wide() -> None:
    def wide(channels: int) -> float:
        """A layer with this many input and output channels, each pair of which has the same gradient."""
        gradient = torch.full((channels, channels, 1, 1), 0.01)
        maps = (FeatureMap(torch.randn(4, channels, 2, 2), 1),)
        return PROXIES["uncertainty"](
            Trace(loss=1.0, weights=(gradient,), weight_gradients=(gradient,), feature_maps=maps)
        )

    # The norm grows with the root of the number of pairs, in proportion to the channels: these count twice.
    assert wide(16) - wide(4) == pytest.approx(math.log(16 / 4))


def test_does_not_grow_with_depth() -> None:
    assert value("uncertainty", 0.5, 0.5, 0.5) == pytest.approx(value("uncertainty", 0.5))
    assert value("uncertainty_sum", 0.5, 0.5, 0.5) == pytest.approx(3 * value("uncertainty_sum", 0.5))


def test_one_narrow_layer_is_enough() -> None:
    assert value("uncertainty", 1e-9, 1e-9, 1.0) < value("uncertainty", 0.1, 0.1, 0.1)


def test_layers_that_the_loss_does_not_feel_count_as_wide_unless_there_are_no_others() -> None:
    assert value("uncertainty", 0.0, 0.5) == pytest.approx(math.log(4))
    assert value("uncertainty", 0.0, 0.0) == -math.inf
    assert value("uncertainty") == -math.inf
    assert math.isfinite(value("uncertainty_sum", 0.0, 0.0))


def test_what_is_not_finite_is_not_wide() -> None:
    assert math.isnan(value("uncertainty", math.nan, 1.0))
    assert value("uncertainty", math.inf, 1.0) == -math.inf
