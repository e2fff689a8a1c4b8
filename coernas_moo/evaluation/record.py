"""What is known about one candidate after it has been evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Record:
    """One evaluated canonical genotype.

    Args:
        text: the canonical genotype as text.
        proxies: raw proxy values, higher is better; empty for a candidate that was not built.
        costs: objective name to value (`params`, `macs`, `latency_ms`, ...), the score excepted.
        failure: why it could not be evaluated, or None.
        over_limit: whether a closed-form limit kept it from being built.
        tries: how often it was tried, 0 if it was never built.
        seconds: time its evaluation took in the worker.
    """

    text: str
    proxies: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None
    over_limit: bool = False
    tries: int = 0
    seconds: float = 0.0

    @property
    def scored(self) -> bool:
        """Whether it has proxy values that count in the ranking."""
        return self.failure is None and not self.over_limit
