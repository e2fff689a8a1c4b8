"""Packages of the extra `onnx`, imported when they are needed, with a line that says how to get them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from coernas_moo.errors import ExportError


def require(name: str, purpose: str) -> ModuleType:
    """The package `name`.

    Raises:
        ExportError: it is not installed.

    Example:
        >>> require("no_such_package", "to fly")
        Traceback (most recent call last):
        ...
        coernas_moo.errors.ExportError: to fly the package 'no_such_package' is needed: pip install 'coernas-moo[onnx]'
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = (error.name or name).partition(".")[0]
        raise ExportError(f"{purpose} the package {missing!r} is needed: pip install 'coernas-moo[onnx]'") from None
