"""What a proxy is: a formula over a trace, with the metadata that lets it be listed, chosen and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from coernas_moo.errors import CoernasError
from coernas_moo.proxies.trace import Trace, TracePart
from coernas_moo.registry import Registry

Direction = Literal["maximise", "minimise"]


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

    Raises:
        CoernasError: a need that no trace has.
    """

    name: str
    function: Callable[[Trace], float]
    needs: frozenset[TracePart]
    description: str
    source: str
    direction: Direction = "maximise"
    stochastic: bool = True

    def __post_init__(self) -> None:
        unknown = sorted(self.needs - set(get_args(TracePart)))
        if unknown:
            parts = ", ".join(get_args(TracePart))
            raise CoernasError(f"proxy {self.name!r} needs {unknown[0]!r}, which no trace has; choose from {parts}")

    def __call__(self, trace: Trace) -> float:
        value = self.function(trace)
        return value if self.direction == "maximise" else -value


PROXIES: Registry[Proxy] = Registry("proxy", group="coernas_moo.proxies")
"""Every proxy by name; other packages add theirs through the entry point group `coernas_moo.proxies`."""


def register_proxy(
    name: str,
    *,
    needs: Iterable[TracePart],
    source: str,
    direction: Direction = "maximise",
    stochastic: bool = True,
) -> Callable[[Callable[[Trace], float]], Callable[[Trace], float]]:
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

    def register(function: Callable[[Trace], float]) -> Callable[[Trace], float]:
        lines = (function.__doc__ or name).strip().splitlines()
        PROXIES.add(name, Proxy(name, function, frozenset(needs), lines[0], source, direction, stochastic))
        return function

    return register
