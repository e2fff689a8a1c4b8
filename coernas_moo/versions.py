"""Versions that a result depends on."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

from coernas_moo._version import __version__


def versions() -> dict[str, str]:
    """Of this package, Python, torch, pymoo and numpy."""
    return {"coernas-moo": __version__, "python": platform.python_version(), **_installed()}


@cache
def _installed() -> dict[str, str]:
    """Read once: they are written with every generation, and looking a version up opens its package's metadata."""
    return {name: version(name) for name in ("torch", "pymoo", "numpy")}
