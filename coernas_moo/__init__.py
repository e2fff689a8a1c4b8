"""Declarative multi-objective neural architecture search without training candidates."""

from coernas_moo._version import __version__

__all__ = ["__version__"]
