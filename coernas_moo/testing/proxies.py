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
from coernas_moo.proxies.proxy import PROXIES, AnyProxy, Proxy
from coernas_moo.proxies.trace import Trace, TracePart, trace

EVERYTHING: tuple[TracePart, ...] = (
    *("feature_maps", "nonlinearity_inputs", "feature_gradients", "weight_gradients", "input_gradient", "macs"),
)


class ProxyConformance:
    """Tests of one registered proxy; pytest collects them in a subclass whose name begins with `Test`."""

    name: str

    @property
    def proxy(self) -> AnyProxy:
        """The proxy under test."""
        return PROXIES[self.name]

    def value(self, network: nn.Module, seed: int = 0) -> float:
        """What the proxy says of `network`, images and labels drawn from `seed`."""
        images, labels = _batch(seed)
        proxy = self.proxy
        if isinstance(proxy, Proxy):
            return proxy(trace(network, images, labels, needs=EVERYTHING))
        return proxy(network, images, labels, seed=seed)

    def test_metadata_is_complete(self) -> None:
        """A table of proxies has something to show."""
        assert self.proxy.name == self.name
        assert self.proxy.description
        assert self.proxy.source
        assert self.proxy.cost

    def test_value_is_a_finite_float(self) -> None:
        """On an ordinary network the proxy can tell."""
        value = self.value(_network())
        assert type(value) is float
        assert math.isfinite(value)

    def test_reads_only_what_it_needs(self) -> None:
        """A trace of only the declared parts gives the same value; so do other images or labels, if not needed."""
        proxy, network = self.proxy, _network()
        images, labels = _batch(0)
        if isinstance(proxy, Proxy):
            assert proxy(trace(network, images, labels, needs=proxy.needs)) == self.value(network)
            return
        other_images, other_labels = _batch(1)
        images = images if "images" in proxy.needs else other_images
        labels = labels if "labels" in proxy.needs else other_labels
        assert proxy(network, images, labels) == self.value(network)

    def test_is_pure(self) -> None:
        """Asking twice gives the same value, and leaves trace, images, network and torch's random state alone."""
        network, proxy = _network().eval(), self.proxy
        next(network.parameters()).requires_grad_(False)
        last = list(network.parameters())[-1]
        last.grad = torch.ones_like(last)
        images, labels = _batch(0)
        recorded = trace(network, images, labels, needs=EVERYTHING)
        inspected = [*network.parameters(), *network.buffers(), last.grad, images, *_tensors(recorded)]
        before = [tensor.detach().clone() for tensor in inspected]
        storage = [tensor.data_ptr() for tensor in inspected]
        random_state = torch.get_rng_state()
        if isinstance(proxy, Proxy):
            assert proxy(recorded) == proxy(recorded)
        else:
            assert proxy(network, images, labels, seed=3) == proxy(network, images, labels, seed=3)
        assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(before, inspected, strict=True))
        assert storage == [tensor.data_ptr() for tensor in inspected]
        assert torch.equal(random_state, torch.get_rng_state())
        assert last.grad is inspected[len([*network.parameters(), *network.buffers()])]
        assert [p.requires_grad for p in network.parameters()][:2] == [False, True]
        assert not any(m.training or m._forward_hooks or m._forward_pre_hooks for m in network.modules())

    def test_varies_if_stochastic(self) -> None:
        """The declaration `stochastic` is true: other weights and images matter, or do not."""
        values = {self.value(_network(seed), seed) for seed in range(3)}
        assert (len(values) > 1) == self.proxy.stochastic

    def test_broken_network_gives_no_error(self) -> None:
        """A network whose loss is not a number gets a float, nan as a rule, and never raises."""
        network = _network()
        with torch.no_grad():
            next(network.parameters()).fill_(math.nan)
        assert type(self.value(network)) is float

    def test_smallest_network_gives_no_error(self) -> None:
        """One linear layer has neither blocks nor nonlinearities."""
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4))
        assert type(self.value(network)) is float


def _network(seed: int = 0) -> nn.Module:
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    )
    he_init(network, torch.Generator().manual_seed(seed))
    return network


def _batch(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(8, 3, 8, 8, generator=generator)
    return images, torch.randint(0, 4, (8,), generator=generator)


def _tensors(recorded: Trace) -> list[Tensor]:
    maps = (*recorded.feature_maps, *recorded.nonlinearity_inputs, *recorded.feature_gradients)
    return [*(m.values for m in maps), *recorded.weights, *recorded.weight_gradients]
