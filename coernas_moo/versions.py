"""Versions that a result depends on."""

from __future__ import annotations

import platform
from importlib.metadata import version

from coernas_moo._version import __version__


def versions() -> dict[str, str]:
    """Of this package, Python, torch, pymoo and numpy."""
    return {
        "coernas-moo": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "pymoo", "numpy")},
    }
