"""Residual blocks whose shortcut changes the shape, as well-known networks have them."""

from __future__ import annotations

from collections.abc import Iterator

from coernas_moo.export.source.text import call
from coernas_moo.export.source.writer import Place, SourceWriter, layer_source
from coernas_moo.networks.known.parts import Projected
from coernas_moo.networks.layers import Layer

_PROJECTED = '''\
class {name}(nn.Module):
    """Two branches added, then `after`."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.body(x) + self.shortcut(x))'''


def _branches(layer: Projected, place: Place) -> Iterator[tuple[Layer, Place]]:
    yield layer.body, Place(place.shape, f"{place.label} body")
    yield layer.shortcut, Place(place.shape, f"{place.label} shortcut")
    yield layer.after, Place(layer.body.out_shape(place.shape), place.label)


@layer_source(Projected, inner=_branches)
def _projected(layer: Projected, place: Place, writer: SourceWriter) -> str:
    name = writer.add_class(Projected, "Projected", lambda name: _PROJECTED.format(name=name))
    return call(name, [writer.expression(inner, where) for inner, where in _branches(layer, place)])
