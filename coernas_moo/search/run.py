"""A finished or unfinished run, read back: its archive, its front, its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from coernas_moo.errors import RunError
from coernas_moo.evaluation.journal import read_all
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Network, NetworkPlan
from coernas_moo.objectives.tabular import LATENCY
from coernas_moo.search.archive import Archive
from coernas_moo.search.run_directory import RunDirectory

PICKS = ("best", "knee", "fastest", "smallest")
"""Names for members of the front; a number picks by position."""


def check_pick(which: str) -> None:
    """Whether a front may have such a member.

    Raises:
        RunError: neither a name of `PICKS` nor a number from 1.
    """
    if which not in PICKS and not (which.isdecimal() and int(which) >= 1):
        raise RunError(f"no member {which!r} in any front; choose {', '.join(PICKS)}, or a number from 1")


@dataclass(frozen=True)
class Member:
    """One network of the front.

    Args:
        number: position in the front, from 1.
        text: canonical genotype.
        objectives: by name, in the problem's order and direction.
        costs: all costs known (`params`, `macs`, `latency_ms`, ...).
        proxies: raw proxy values.
    """

    number: int
    text: str
    objectives: Mapping[str, float]
    costs: Mapping[str, float]
    proxies: Mapping[str, float]


class Run:
    """A run's directory, read from its journal: complete up to the last evaluation, however the run ended.

    Args:
        path: the run's directory.

    Raises:
        RunError: no run is there.
    """

    def __init__(self, path: str | Path) -> None:
        self.directory = RunDirectory(path)
        self.problem = self.directory.read_problem()
        self.state = self.directory.read_state()
        shape = Shape(*self.state.shape)
        self.space = self.problem.space_settings.build(shape, len(self.state.classes))

    @cached_property
    def archive(self) -> Archive:
        """Everything evaluated."""
        archive = Archive.of(self.problem, self.state.first_population)
        archive.add(read_all(self.directory.journal))
        if self.state.evaluations and not archive.evaluations:
            raise RunError(
                f"{self.directory.journal}: holds nothing, though {self.state.evaluations:,} networks were evaluated; "
                "restore it, or search anew"
            )
        return archive

    @cached_property
    def front(self) -> list[Member]:
        """The non-dominated members, best first objective first."""
        members = []
        for number, text in enumerate(self.archive.front(), start=1):
            record = self.archive[text]
            values = {o.name: self.archive.value(record, o.name) for o in self.archive.objectives}
            members.append(Member(number, text, values, record.costs, record.proxies))
        return members

    def pick(self, which: str | int) -> Member:
        """A member of the front.

        `best`: best first objective. `knee`: nearest, in Euclidean distance, to the ideal point, with each objective
        scaled to [0, 1] over the front. `fastest`: lowest latency, of the first kind that the problem names, or fewest
        MACs where none is known.
        `smallest`: fewest parameters. A number: the position in the front, from 1.

        Raises:
            RunError: the front is empty, or there is no such member.
        """
        front, which = self.front, str(which)
        if not front:
            raise RunError(f"{self.directory.path}: the front is empty; let the search run longer or loosen the limits")
        if which == "best":
            return front[0]
        if which == "knee":
            return front[self._knee()]
        if which == "fastest":
            time = self._time()
            return min(front, key=lambda member: member.costs[time])
        if which == "smallest":
            return min(front, key=lambda member: member.costs["params"])
        if which.isdecimal() and 1 <= int(which) <= len(front):
            return front[int(which) - 1]
        raise RunError(
            f"no member {which!r} in the front; choose {', '.join(PICKS)}, or a number from 1 to {len(front)}"
        )

    def plan(self, member: Member) -> NetworkPlan:
        """The member's network as data, with shapes and costs."""
        return self.space.plan(self.space.from_text(member.text))

    def network(self, which: str | int = "best", seed: int = 0) -> Network:
        """A member's network, built at full size and initialised, ready to be trained."""
        network = self.plan(self.pick(which)).build()
        he_init(network, torch.Generator().manual_seed(seed))
        return network

    def _time(self) -> str:
        """The cost that says how fast the front's networks are."""
        asked_for = [*self.problem.objectives, *(limit.objective for limit in self.problem.parsed_limits)]
        known = [name for name in (*asked_for, "latency_ms") if name.partition(":")[0] in (LATENCY, "latency_ms")]
        return next((name for name in known if all(name in member.costs for member in self.front)), "macs")

    def _knee(self) -> int:
        values = self.archive.objective_values([member.text for member in self.front])
        span = np.ptp(values, axis=0)
        scaled = (values - values.min(axis=0)) / np.where(span > 0, span, 1.0)
        return int(np.linalg.norm(scaled, axis=1).argmin())
