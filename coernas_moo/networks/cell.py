"""The NAS-Bench-201 cell and reduction block as planned layers.

Source: Dong & Yang 2020, "NAS-Bench-201: Extending the scope of reproducible neural architecture search", section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from torch import Tensor, nn

from coernas_moo.errors import GenotypeError
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Keeps, Layer, ReLU, Shape
from coernas_moo.networks.pools import AveragePool

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source node, target node) of every edge; node 0 is the cell's input, node 3 its output."""

NODES = 4

NONE = "none"
SKIP = "skip_connect"
OPERATIONS = (NONE, SKIP, "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations of an edge, in the benchmark's order."""


@dataclass(frozen=True)
class SmoothingPool(Keeps):
    """Mean of the 3x3 window around each position; positions outside the map are not counted."""

    def build(self) -> nn.Module:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


@lru_cache(maxsize=256)
def edge_layer(operation: str, channels: int) -> Layer | None:
    """The layer on an edge; None for the two operations that compute nothing, `none` and `skip_connect`.

    Raises:
        GenotypeError: the operation is not one of the five.

    Example:
        >>> edge_layer("nor_conv_1x1", 4).params(), edge_layer("skip_connect", 4)
        (24, None)
    """
    match operation:
        case "none" | "skip_connect":
            return None
        case "nor_conv_1x1":
            return Chain((ReLU(), Conv(channels, channels, 1), BatchNorm(channels)))
        case "nor_conv_3x3":
            return Chain((ReLU(), Conv(channels, channels, 3), BatchNorm(channels)))
        case "avg_pool_3x3":
            return SmoothingPool()
    raise GenotypeError(f"a cell has no operation {operation!r}; its operations are {', '.join(OPERATIONS)}")


@dataclass(frozen=True)
class Cell(Layer):
    """Four nodes, each the sum of its incoming edges; (n, channels, h, w) keeps its shape.

    A node that no edge feeds is zero. Edges that cannot matter are built and counted: leaving them out is the
    business of the canonical form.

    Args:
        channels: of input and output.
        edges: one operation for each of `EDGES`.

    Raises:
        GenotypeError: not six edges, or an unknown operation.

    Example:
        >>> cell = Cell(4, ("nor_conv_3x3", "none", "none", "skip_connect", "nor_conv_1x1", "none"))
        >>> cell.params(), cell.macs(Shape(4, 8, 8))
        (176, 10240)
    """

    channels: int
    edges: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(EDGES):
            raise GenotypeError(f"a cell has {len(EDGES)} edges, not {len(self.edges)}")
        _ = self.layers

    @cached_property
    def layers(self) -> tuple[Layer | None, ...]:
        """One layer for each of `EDGES`, None where an edge computes nothing."""
        return tuple(edge_layer(operation, self.channels) for operation in self.edges)

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def params(self) -> int:
        return sum(_edge_params(operation, self.channels) for operation in self.edges)

    def macs(self, shape: Shape) -> int:
        return sum(_edge_macs(operation, self.channels, shape) for operation in self.edges)

    def build(self) -> nn.Module:
        return CellModule(self)

    def operators(self, shape: Shape) -> Iterator[tuple[Layer, Shape]]:
        """The layers on the edges, and the sums: the same cell with nothing but identities on its edges."""
        for layer in self.layers:
            if layer:
                yield layer, shape
        yield Cell(self.channels, tuple(NONE if operation == NONE else SKIP for operation in self.edges)), shape


@lru_cache(maxsize=1024)
def _edge_params(operation: str, channels: int) -> int:
    layer = edge_layer(operation, channels)
    return layer.params() if layer else 0


@lru_cache(maxsize=1024)
def _edge_macs(operation: str, channels: int, shape: Shape) -> int:
    layer = edge_layer(operation, channels)
    return layer.macs(shape) if layer else 0


class CellModule(nn.Module):
    """The module of a `Cell`; the module of the edge from node i to node j is `edges["i-j"]`."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.edges = nn.ModuleDict()
        incoming: list[list[tuple[int, str | None]]] = [[] for _ in range(NODES)]
        for (source, target), operation, layer in zip(EDGES, cell.edges, cell.layers, strict=True):
            name = f"{source}-{target}"
            if layer:
                self.edges[name] = layer.build()
            if operation != NONE:
                incoming[target].append((source, name if layer else None))
        self._incoming = incoming[1:]

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for edges in self._incoming:
            total: Tensor | None = None
            for source, name in edges:
                term = nodes[source] if name is None else self.edges[name](nodes[source])
                total = term if total is None else total + term
            # Zeros made from x, as the paper's do: the gradient then exists everywhere, and is zero.
            nodes.append(x * 0 if total is None else total)
        return nodes[-1]


@dataclass(frozen=True)
class Reduction(Layer):
    """The residual block between two stages: halves the resolution (rounding up) and changes the width.

    Body: ReLU, 3x3 convolution of stride 2, norm, ReLU, 3x3 convolution, norm. Shortcut: 2x2 average, 1x1 convolution.
    """

    in_channels: int
    out_channels: int

    @cached_property
    def body(self) -> Layer:
        """The branch with two convolutions."""
        return Chain(
            (
                ReLU(),
                Conv(self.in_channels, self.out_channels, 3, stride=2),
                BatchNorm(self.out_channels),
                ReLU(),
                Conv(self.out_channels, self.out_channels, 3),
                BatchNorm(self.out_channels),
            )
        )

    @cached_property
    def shortcut(self) -> Layer:
        """The branch that averages."""
        return Chain((AveragePool(), Conv(self.in_channels, self.out_channels, 1)))

    def out_shape(self, shape: Shape) -> Shape:
        return self.body.out_shape(shape)

    def params(self) -> int:
        return self.body.params() + self.shortcut.params()

    def macs(self, shape: Shape) -> int:
        return self.body.macs(shape) + self.shortcut.macs(shape)

    def build(self) -> nn.Module:
        return ReductionModule(self.body.build(), self.shortcut.build())


class ReductionModule(nn.Module):
    """`body(x) + shortcut(x)`."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return total
