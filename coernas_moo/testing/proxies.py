"""What every proxy must do: subclass `ProxyConformance` in a test module to have yours checked.

Example::

    class TestMyProxy(ProxyConformance):
        name = "my-proxy"
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coernas_moo.networks.init import he_init
from coernas_moo.proxies.proxy import PROXIES, Proxy
from coernas_moo.proxies.trace import Trace, TracePart, trace

EVERYTHING: tuple[TracePart, ...] = (
    *("feature_maps", "nonlinearity_inputs", "feature_gradients", "weight_gradients", "input_gradient", "macs"),
)


class ProxyConformance:
    """Tests of one registered proxy; pytest collects them in a subclass whose name begins with `Test`."""

    name: str

    @property
    def proxy(self) -> Proxy:
        """The proxy under test."""
        return PROXIES[self.name]

    def test_metadata_is_complete(self) -> None:
        """A table of proxies has something to show."""
        assert self.proxy.name == self.name
        assert self.proxy.description
        assert self.proxy.source

    def test_value_is_a_finite_float(self) -> None:
        """On an ordinary network the proxy can tell."""
        value = self.proxy(_trace_of(_network(), EVERYTHING))
        assert type(value) is float
        assert math.isfinite(value)

    def test_reads_only_what_it_needs(self) -> None:
        """A trace of nothing but the declared parts gives the same value."""
        complete = self.proxy(_trace_of(_network(), EVERYTHING))
        assert self.proxy(_trace_of(_network(), tuple(self.proxy.needs))) == complete

    def test_is_pure(self) -> None:
        """Asking twice gives the same value, and leaves the trace and torch's random state alone."""
        recorded = _trace_of(_network(), EVERYTHING)
        before = [tensor.clone() for tensor in _tensors(recorded)]
        random_state = torch.get_rng_state()
        assert self.proxy(recorded) == self.proxy(recorded)
        assert all(torch.equal(old, new) for old, new in zip(before, _tensors(recorded), strict=True))
        assert torch.equal(random_state, torch.get_rng_state())

    def test_varies_if_stochastic(self) -> None:
        """The declaration `stochastic` is true: other weights and images matter, or do not."""
        values = {self.proxy(_trace_of(_network(seed), EVERYTHING, seed)) for seed in range(3)}
        assert (len(values) > 1) == self.proxy.stochastic

    def test_broken_network_gives_no_error(self) -> None:
        """A network whose loss is not a number gets a float, nan as a rule, and never raises."""
        network = _network()
        with torch.no_grad():
            next(network.parameters()).fill_(math.nan)
        assert type(self.proxy(_trace_of(network, EVERYTHING))) is float

    def test_smallest_network_gives_no_error(self) -> None:
        """One linear layer has neither blocks nor nonlinearities."""
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4))
        assert type(self.proxy(_trace_of(network, EVERYTHING))) is float


def _network(seed: int = 0) -> nn.Module:
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    )
    he_init(network, torch.Generator().manual_seed(seed))
    return network


def _trace_of(network: nn.Module, needs: tuple[TracePart, ...], seed: int = 0) -> Trace:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(8, 3, 8, 8, generator=generator)
    return trace(network, images, torch.randint(0, 4, (8,), generator=generator), needs=needs)


def _tensors(recorded: Trace) -> list[Tensor]:
    maps = (*recorded.feature_maps, *recorded.nonlinearity_inputs, *recorded.feature_gradients)
    return [*(m.values for m in maps), *recorded.weights, *recorded.weight_gradients]
