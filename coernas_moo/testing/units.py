"""Conformance tests of convolution units and pools.

A package that adds one subclasses `UnitConformance` or `PoolConformance` in its own tests:

    class TestMyUnit(UnitConformance):
        @pytest.fixture
        def unit(self) -> Unit:
            return UNITS["mine"]
"""

from __future__ import annotations

import pytest
import torch

from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Layer, Shape
from coernas_moo.networks.plan import Block, Network, NetworkPlan
from coernas_moo.networks.pools import POOLS, Pool, halved
from coernas_moo.networks.units import Unit
from coernas_moo.testing.spaces import measured_macs

SIDES = ((8, 8), (7, 5), (2, 2), (2, 1), (1, 1), (3, 16))


def _network(layer: Layer, shape: Shape) -> Network:
    network = NetworkPlan(shape, (Block("layer", "layer under test", layer),)).build()
    he_init(network, torch.Generator().manual_seed(0))
    return network


def _images(shape: Shape) -> torch.Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))


class UnitConformance:
    """What every convolution unit must do; override the fixture `unit`."""

    widths = ((8, 8), (8, 16), (16, 8), (3, 1), (1, 1), (6, 12))
    """Pairs of input and output channels."""

    @pytest.fixture
    def unit(self) -> Unit:
        """The unit under test."""
        raise NotImplementedError("override the fixture `unit` with one that returns your unit")

    @pytest.mark.parametrize("sides", SIDES)
    def test_shapes_and_costs_are_as_planned(self, unit: Unit, sides: tuple[int, int]) -> None:
        for before, after in self.widths:
            shape, layer = Shape(before, *sides), unit(before, after)
            assert layer.out_shape(shape) == Shape(after, *sides)
            network = _network(layer, shape)
            assert sum(weight.numel() for weight in network.parameters()) == layer.params()
            assert measured_macs(network, torch.zeros(1, *shape)) == layer.macs(shape)
            assert network.train()(_images(shape)).shape == (3, after, *sides)

    def test_every_weight_gets_a_finite_gradient(self, unit: Unit) -> None:
        for before, after in self.widths:
            shape = Shape(before, 6, 6)
            network = _network(unit(before, after), shape)
            x = _images(shape).requires_grad_()
            network(x).square().sum().backward()
            assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())
            assert x.grad is not None
            assert x.grad.abs().sum() > 0

    def test_layers_are_values(self, unit: Unit) -> None:
        assert unit(8, 16) == unit(8, 16)
        assert hash(unit(8, 16)) == hash(unit(8, 16))
        assert repr(unit(8, 16)) == repr(unit(8, 16))
        assert repr(unit(8, 16)) != repr(unit(8, 8))


class PoolConformance:
    """What every pool must do; override the fixture `pool`."""

    @pytest.fixture
    def pool(self) -> Pool:
        """The pool under test."""
        raise NotImplementedError("override the fixture `pool` with one that returns your pool")

    @pytest.mark.parametrize("sides", SIDES)
    def test_halves_rounded_up_at_no_cost(self, pool: Pool, sides: tuple[int, int]) -> None:
        shape, layer = Shape(6, *sides), pool(6)
        assert layer.out_shape(shape) == halved(shape)
        assert layer.params() == layer.macs(shape) == 0
        network = _network(layer, shape)
        assert not list(network.parameters())
        assert not network.state_dict()
        assert network(_images(shape)).shape == (3, *halved(shape))

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_constant_maps_stay_constant_with_finite_gradients(self, pool: Pool, value: float) -> None:
        shape = Shape(4, 7, 6)
        x = torch.full((2, *shape), value, requires_grad=True)
        y = _network(pool(4), shape)(x)
        torch.testing.assert_close(y, torch.full_like(y, value), atol=1e-3, rtol=0)
        y.sum().backward()
        assert x.grad is not None
        assert torch.isfinite(x.grad).all()

    def test_channels_do_not_mix(self, pool: Pool) -> None:
        shape = Shape(3, 8, 8)
        x = _images(shape)
        network = _network(pool(3), shape)
        changed = x.clone()
        changed[:, 1] += 1
        assert torch.equal(network(x)[:, [0, 2]], network(changed)[:, [0, 2]])

    def test_layers_are_values(self, pool: Pool) -> None:
        assert pool(8) == pool(8)
        assert repr(pool(8)) == repr(pool(8))

    @pytest.mark.parametrize("sides", [(2, 2), (2, 1), (1, 2)])
    def test_declared_twin_computes_the_same_on_a_small_map(self, pool: Pool, sides: tuple[int, int]) -> None:
        twin = POOLS[pool.whole_map_as] if pool.whole_map_as else pool
        assert twin.whole_map_as is None or twin is pool
        shape = Shape(5, *sides)
        x = _images(shape)
        torch.testing.assert_close(_network(pool(5), shape)(x), _network(twin(5), shape)(x))
