"""What a proxy is: a formula over a trace or a network, with the metadata that lets it be listed, chosen, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.proxies.intact import intact
from coernas_moo.proxies.trace import Trace, TracePart
from coernas_moo.registry import Registry

Direction = Literal["maximise", "minimise"]

NetworkNeed = Literal["images", "labels", "gradients"]
"""What the value of a network proxy depends on, besides the weights."""

OfTrace = Callable[[Trace], float]
OfNetwork = Callable[[nn.Module, Tensor, Tensor], float]

SHARED_PASS = "the one forward and backward pass that all such proxies share"


@dataclass(frozen=True)
class Proxy:
    """A training-free measure of a network; calling it gives one float, higher is better, nan where it cannot tell.

    Args:
        name: unique, the key in `PROXIES`.
        function: pure function of a trace.
        needs: the parts of the trace that `function` reads; nothing else is recorded for it.
        description: one line for tables and help.
        source: paper and equation, or what the reading is.
        direction: of `function`; calling the proxy turns a minimised value round.
        stochastic: whether the value depends on the initial weights, the images and the labels.
        cost: of one value, in passes through the network.
        weight: in the mean over proxies that a fusion takes, above 0 and finite.

    Raises:
        CoernasError: a need that no trace has, or a weight out of range.
    """

    name: str
    function: OfTrace
    needs: frozenset[TracePart]
    description: str
    source: str
    direction: Direction = "maximise"
    stochastic: bool = True
    cost: str = SHARED_PASS
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise CoernasError(f"proxy {self.name!r}: weight is above 0 and finite, not {self.weight}")
        _check_needs(self.name, self.needs, get_args(TracePart), "no trace has")

    def __call__(self, trace: Trace) -> float:
        return _higher_is_better(self.function(trace), self.direction)


@dataclass(frozen=True)
class NetworkProxy:
    """A training-free measure that runs the network by itself; one float, higher is better, nan where it cannot tell.

    Args:
        name: unique, the key in `PROXIES`.
        function: of a network in train mode, images (n, ...) and labels (n,); it may draw from torch's random state
            and change weights, buffers, gradients and modes, but removes its hooks.
        needs: what the value depends on.
        description: one line for tables and help.
        source: paper and equation, or what the reading is.
        cost: of one value, in passes through the network.
        direction: of `function`; calling the proxy turns a minimised value round.
        stochastic: whether the value depends on the initial weights, the images, the labels or the seed.

    Raises:
        CoernasError: an unknown need.
    """

    name: str
    function: OfNetwork
    needs: frozenset[NetworkNeed]
    description: str
    source: str
    cost: str
    direction: Direction = "maximise"
    stochastic: bool = True

    @property
    def weight(self) -> float:
        """1, as of most proxies."""
        return 1.0

    def __post_init__(self) -> None:
        _check_needs(self.name, self.needs, get_args(NetworkNeed), "is unknown")

    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int = 0) -> float:
        """The value; the same arguments give the same one, and the network comes back as it was.

        Args:
            network: measured with the weights that it has, unless the proxy's definition draws its own.
            images: shape (n, ...), n at least 2.
            labels: shape (n,), int64, each a class.
            seed: of everything that the proxy draws.
        """
        with intact(network, seed), torch.enable_grad():
            return _higher_is_better(self.function(network, images.detach(), labels), self.direction)


AnyProxy = Proxy | NetworkProxy

PROXIES: Registry[AnyProxy] = Registry("proxy", group="coernas_moo.proxies")
"""Every proxy by name; other packages add theirs through the entry point group `coernas_moo.proxies`."""


def register_proxy(
    name: str,
    *,
    needs: Iterable[TracePart],
    source: str,
    direction: Direction = "maximise",
    stochastic: bool = True,
    cost: str = SHARED_PASS,
    weight: float = 1.0,
) -> Callable[[OfTrace], OfTrace]:
    """Register the decorated function of a trace as the proxy `name`; the first line of its docstring describes it.

    Raises:
        CoernasError: the name is taken, or a need is unknown.

    Example:
        >>> @register_proxy("final-loss", needs=(), source="an example", direction="minimise")
        ... def final_loss(trace: Trace) -> float:
        ...     '''Cross-entropy on random labels.'''
        ...     return trace.loss
        >>> PROXIES["final-loss"].description
        'Cross-entropy on random labels.'
    """

    def register(function: OfTrace) -> OfTrace:
        description = _first_line(function, name)
        proxy = Proxy(
            name,
            function,
            frozenset(needs),
            description,
            source,
            direction,
            stochastic,
            cost,
            weight=weight,
        )
        PROXIES.add(name, proxy)
        return function

    return register


def register_network_proxy(
    name: str,
    *,
    needs: Iterable[NetworkNeed],
    source: str,
    cost: str,
    direction: Direction = "maximise",
    stochastic: bool = True,
) -> Callable[[OfNetwork], OfNetwork]:
    """Register the decorated function of a network, images and labels, as `register_proxy` does one of a trace.

    Raises:
        CoernasError: the name is taken, or a need is unknown.

    Example:
        >>> import torch
        >>> from torch import Tensor, nn
        >>> @register_network_proxy("depth", needs=(), source="an example", cost="none", stochastic=False)
        ... def depth(network: nn.Module, images: Tensor, labels: Tensor) -> float:
        ...     '''Number of modules.'''
        ...     return float(sum(1 for _ in network.modules()))
        >>> PROXIES["depth"](nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(2, 4), torch.tensor([0, 1]))
        3.0
    """

    def register(function: OfNetwork) -> OfNetwork:
        description = _first_line(function, name)
        proxy = NetworkProxy(name, function, frozenset(needs), description, source, cost, direction, stochastic)
        PROXIES.add(name, proxy)
        return function

    return register


def _first_line(function: Callable[..., float], name: str) -> str:
    return (function.__doc__ or name).strip().splitlines()[0]


def _check_needs(name: str, needs: Iterable[str], known: tuple[str, ...], complaint: str) -> None:
    unknown = sorted(set(needs) - set(known))
    if unknown:
        raise CoernasError(f"proxy {name!r} needs {unknown[0]!r}, which {complaint}; choose from {', '.join(known)}")


def _higher_is_better(value: float, direction: Direction) -> float:
    return value if direction == "maximise" else -value
