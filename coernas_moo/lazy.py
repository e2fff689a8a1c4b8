"""Packages whose names are imported on first use, so that their light modules can be had without the heavy ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def names_from(package: str, modules: Sequence[str], names: Sequence[str]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose `modules` are all imported when the first of its `names` is asked for.

    For packages whose modules register something, which has to be there whichever name is used.

    Args:
        package: `__name__` of the package.
        modules: inside the package; each of `names` is in one of them.
        names: the package's `__all__`.
    """

    def __getattr__(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: dict[str, object] = {}
        for module in modules:
            found.update(vars(import_module(f"{package}.{module}")))
        namespace = vars(sys.modules[package])
        # All at once: importing a submodule leaves it where a function of the same name belongs.
        namespace.update({each: found[each] for each in names})
        return namespace[name]

    return __getattr__


def names_at(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose names come from several modules, each imported when it is asked for.

    Args:
        package: `__name__` of the package.
        homes: module inside the package, by name.
    """

    def __getattr__(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        vars(sys.modules[package])[name] = value
        return value

    return __getattr__
