"""Declarative multi-objective neural architecture search that trains no candidate.

A problem (images, search space, objectives, limits) goes in, a Pareto front of networks comes out: `search`. The same
training-free score rates any `torch.nn.Module`: `score`. Heavy parts are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coernas_moo._version import __version__
from coernas_moo.errors import CoernasError
from coernas_moo.lazy import names_at

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile, load_problem
    from coernas_moo.networks.pools import register_pool
    from coernas_moo.networks.units import register_unit
    from coernas_moo.objectives import register_network_objective, register_objective
    from coernas_moo.proxies import Score, fuse, register_proxy, score
    from coernas_moo.search.hd_duaas import HDDUAAS
    from coernas_moo.search.loop import run_search
    from coernas_moo.search.problem import SearchProblem
    from coernas_moo.search.progress import Listener, Progress
    from coernas_moo.search.run import Member, Run

_HOMES = {
    "HDDUAAS": "search.hd_duaas",
    "Listener": "search.progress",
    "Member": "search.run",
    "ProblemFile": "config",
    "Progress": "search.progress",
    "Run": "search.run",
    "Score": "proxies",
    "SearchProblem": "search.problem",
    "fuse": "proxies",
    "load_problem": "config",
    "register_network_objective": "objectives",
    "register_objective": "objectives",
    "register_pool": "networks.pools",
    "register_proxy": "proxies",
    "register_unit": "networks.units",
    "run_search": "search.loop",
    "score": "proxies",
}


__getattr__ = names_at(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "HDDUAAS",
    "CoernasError",
    "Listener",
    "Member",
    "ProblemFile",
    "Progress",
    "Run",
    "Score",
    "SearchProblem",
    "__version__",
    "fuse",
    "load_problem",
    "register_network_objective",
    "register_objective",
    "register_pool",
    "register_proxy",
    "register_unit",
    "run_search",
    "score",
]
