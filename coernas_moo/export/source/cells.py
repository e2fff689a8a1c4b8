"""The cell and the reduction block of NAS-Bench-201 as classes that read as the paper draws them."""

from __future__ import annotations

from coernas_moo.export.source.text import indented
from coernas_moo.export.source.writer import Place, SourceWriter, layer_source
from coernas_moo.networks.cell import EDGES, NODES, NONE, SKIP, Cell, Reduction

_EDGE = '''\
class {name}(nn.Sequential):
    """ReLU, convolution, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(out_channels),
        )'''

_REDUCTION = '''\
class {name}(nn.Module):
    """Two convolutions, and a shortcut that averages; halves the resolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            {edge}(in_channels, out_channels, kernel=3, stride=2),
            {edge}(out_channels, out_channels, kernel=3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)'''

_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
_SMOOTHING = "nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)"


def _edge_class(writer: SourceWriter) -> str:
    return writer.add_class("edge", "ReLUConvNorm", lambda name: _EDGE.format(name=name))


@layer_source(Reduction)
def _reduction(layer: Reduction, _place: Place, writer: SourceWriter) -> str:
    edge = _edge_class(writer)
    name = writer.add_class(Reduction, "Reduction", lambda name: _REDUCTION.format(name=name, edge=edge))
    return f"{name}({layer.in_channels}, {layer.out_channels})"


@layer_source(Cell)
def _cell(layer: Cell, _place: Place, writer: SourceWriter) -> str:
    edge = _edge_class(writer) if set(_KERNELS) & set(layer.edges) else ""
    name = writer.add_class(("cell", layer.edges), "Cell", lambda name: _class(name, layer.edges, edge))
    return f"{name}({layer.channels})"


def _class(name: str, operations: tuple[str, ...], edge: str) -> str:
    attributes = [
        f"self.{_attribute(source, target)} = "
        + (f"{edge}(channels, channels, kernel={_KERNELS[operation]})" if operation in _KERNELS else _SMOOTHING)
        for (source, target), operation in zip(EDGES, operations, strict=True)
        if operation not in (NONE, SKIP)
    ]
    nodes = [_node(target, operations) for target in range(NODES)]
    needed = _needed(operations)
    forward = [f"node{node} = {nodes[node]}" for node in range(1, NODES - 1) if node in needed]
    text = f'''\
class {name}(nn.Module):
    """Four nodes, each the sum of its incoming edges: node 0 is the input, node 3 the output."""

    def __init__(self, channels: int) -> None:
        super().__init__()
{indented(chr(10).join(attributes), 2)}

    def forward(self, x: Tensor) -> Tensor:
{indented(chr(10).join([*forward, f"return {nodes[-1]}"]), 2)}'''
    return text.replace("\n\n\n", "\n\n")


def _node(target: int, operations: tuple[str, ...]) -> str:
    """The sum of a node's incoming edges as an expression; zeros where there are none."""
    terms = []
    for (source, end), operation in zip(EDGES, operations, strict=True):
        if end == target and operation != NONE:
            before = "x" if source == 0 else f"node{source}"
            terms.append(before if operation == SKIP else f"self.{_attribute(source, end)}({before})")
    return " + ".join(terms) or "torch.zeros_like(x)"


def _attribute(source: int, target: int) -> str:
    return f"edge{source}{target}"


def _needed(operations: tuple[str, ...]) -> set[int]:
    """Nodes from which a path leads to the output."""
    needed = {NODES - 1}
    for (source, target), operation in reversed(list(zip(EDGES, operations, strict=True))):
        if target in needed and operation != NONE:
            needed.add(source)
    return needed
