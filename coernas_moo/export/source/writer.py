"""What is being written: classes in order, each once, and how each kind of layer becomes an expression."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from coernas_moo.errors import ExportError
from coernas_moo.export.source.modules import Copied, module_expression
from coernas_moo.networks.layers import Layer
from coernas_moo.networks.shape import Shape

L = TypeVar("L", bound=Layer)


@dataclass(frozen=True)
class Place:
    """Where a layer stands: the shape it gets, and what its block is called."""

    shape: Shape
    label: str


LayerSource = Callable[[L, Place, "SourceWriter"], str]
"""(layer, place, writer) -> an expression that constructs the layer's module."""

InnerLayers = Callable[[L, Place], Iterable[tuple[Layer, Place]]]
"""(layer, place) -> the layers within it that `LayerSource` asks the writer to write, with their places."""

_SOURCES: dict[type[Layer], LayerSource[Any]] = {}
_INNER: dict[type[Layer], InnerLayers[Any]] = {}


def layer_source(kind: type[L], inner: InnerLayers[L] | None = None) -> Callable[[LayerSource[L]], LayerSource[L]]:
    """Decorator: says how layers of a class are written as Python.

    A layer without one is written from the module it builds (see `coernas_moo.export.source.modules`).

    Args:
        kind: the class; its subclasses too, unless they have their own.
        inner: says which layers are within, so that equal ones all over the network share a class.

    Raises:
        ExportError: the class has one already.
    """

    def add(source: LayerSource[L]) -> LayerSource[L]:
        if kind in _SOURCES:
            raise ExportError(f"how a {kind.__name__} is written as Python is registered already")
        _SOURCES[kind] = source
        if inner is not None:
            _INNER[kind] = inner
        return source

    return add


def inner_layers(layer: Layer, place: Place) -> Iterable[tuple[Layer, Place]]:
    """The layers within a layer that are written by themselves."""
    inner = next((_INNER[kind] for kind in type(layer).__mro__ if kind in _INNER), None)
    return () if inner is None else inner(layer, place)


class SourceWriter:
    """Collects the classes of one module.

    Args:
        sources: how to write kinds of layers whose writing depends on the whole network; before those registered.
    """

    def __init__(self, sources: Mapping[type[Layer], LayerSource[Any]]) -> None:
        self._sources = {**_SOURCES, **sources}
        self._names: dict[Hashable, str] = {}
        self._texts: list[str] = []
        self.copied = Copied()

    @property
    def classes(self) -> list[str]:
        """Sources of the classes, each after those it uses."""
        return [*self.copied.texts, *self._texts]

    @property
    def imports(self) -> list[str]:
        """Import lines that copied classes need."""
        return sorted(self.copied.imports)

    def add_class(self, key: Hashable, wish: str, make: Callable[[str], str]) -> str:
        """The name of the class of `key`: `wish`, or numbered where another has that; `make(name)` writes it once."""
        if key not in self._names:
            taken = {*self._names.values(), *self.copied.names}
            name, number = wish, 1
            while name in taken:
                number += 1
                name = f"{wish}{number}"
            self._names[key] = name
            self._texts.append(make(name))
        return self._names[key]

    def expression(self, layer: Layer, place: Place) -> str:
        """Python that constructs the module of `layer`.

        Raises:
            ExportError: neither the layer nor its module can be written.
        """
        for kind in type(layer).__mro__:
            source = self._sources.get(kind)
            if source is not None:
                return source(layer, place, self)
        return module_expression(layer.build(), layer, self.copied, {*self._names.values()})
