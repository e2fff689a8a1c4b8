"""A planned network as the source of a Python module that needs torch and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from coernas_moo.export.source import cells, fixed, projected
from coernas_moo.export.source.chain import ChainClasses
from coernas_moo.export.source.chain_use import ChainUse
from coernas_moo.export.source.text import attribute_name, indented, sequential
from coernas_moo.export.source.writer import Place, SourceWriter, inner_layers
from coernas_moo.networks.layers import Chain, GlobalAveragePool, Identity, Layer, Linear
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.networks.shape import Shape

# Imported for what they register.
_ = (cells, fixed, projected)


@dataclass(frozen=True)
class NetworkSource:
    """Source of a network.

    Args:
        imports: import lines beside those of torch, `nn`, `F` and `Tensor`.
        classes: class definitions, each after those it uses; the last one is `Network`.
    """

    imports: tuple[str, ...]
    classes: tuple[str, ...]

    def uses(self, name: str) -> bool:
        """Whether the classes refer to a module by that name."""
        return any(re.search(rf"\b{name}\.", text) for text in self.classes)


def network_source(plan: NetworkPlan, docstring: str) -> NetworkSource:
    """The classes of a network.

    The module `Network()` registers its parameters and buffers in the order of `plan.build()`: weights can be carried
    over one by one.

    Args:
        plan: the network.
        docstring: of the class `Network`, as source.

    Raises:
        ExportError: a layer of the user cannot be written.
    """
    places = [
        _Placed(block, cost.in_shape, cost.out_shape) for block, cost in zip(plan.blocks, plan.costs(), strict=True)
    ]
    chains = ChainClasses(use for each in places for use in _uses(each.block.layer, each.place))
    writer = SourceWriter({Chain: chains.expression})
    constructor, forward = ["super().__init__()"], []
    attributes: list[str] = []
    value = "images"
    for (name, pooled), members in groupby((each for each in places if not each.computes_nothing), key=_part_of):
        parts = list(members)
        if pooled:
            result = f"{value}.mean(dim=(2, 3))"
        else:
            attribute = attribute_name(name, attributes)
            attributes.append(attribute)
            modules = [writer.expression(each.block.layer, each.place) for each in parts]
            constructor.append(f"self.{attribute} = {sequential(modules)}")
            result = f"self.{attribute}({value})"
        forward.append(f"x = {result}  # {_spoken(parts[-1])}")
        value = "x"
    return NetworkSource(tuple(writer.imports), (*writer.classes, _class(docstring, constructor, forward)))


@dataclass(frozen=True)
class _Placed:
    """A block with the shapes of its input and output."""

    block: Block
    in_shape: Shape
    out_shape: Shape

    @property
    def place(self) -> Place:
        return Place(self.in_shape, self.block.label)

    @property
    def computes_nothing(self) -> bool:
        return isinstance(self.block.layer, Identity)


def _part_of(placed: _Placed) -> tuple[str, bool]:
    """The attribute that a block belongs to; global pooling is a line of `forward`."""
    return placed.block.name.partition(".")[0], isinstance(placed.block.layer, GlobalAveragePool)


def _spoken(placed: _Placed) -> str:
    """The output's shape, of which a pooled map has only the channels."""
    flat = isinstance(placed.block.layer, GlobalAveragePool | Linear)
    return str(placed.out_shape.channels if flat else placed.out_shape)


def _uses(layer: Layer, place: Place) -> Iterator[ChainUse]:
    """The chains that are written as chains: the layer itself, and those within it."""
    if isinstance(layer, Chain):
        use = ChainUse.of(layer, place)
        yield use
        for part in use.parts:
            yield from _uses(part.layer, part.place)
    else:
        for inner, where in inner_layers(layer, place):
            yield from _uses(inner, where)


def _class(docstring: str, constructor: list[str], forward: list[str]) -> str:
    if forward:
        # What comes out is what the docstring says: no need for its shape.
        forward = [*forward[:-1], "return " + forward[-1].removeprefix("x = ").partition("  #")[0]]
    return "\n".join(
        [
            "class Network(nn.Module):",
            indented(docstring),
            "",
            "    def __init__(self) -> None:",
            *(indented(line, 2) for line in constructor),
            "",
            "    def forward(self, images: Tensor) -> Tensor:",
            *(indented(line, 2) for line in forward or ["return images"]),
        ]
    )
