import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from coernas_moo.errors import GenotypeError
from coernas_moo.networks.cell import EDGES, OPERATIONS, Cell, Reduction, SmoothingPool, edge_layer
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Layer, Shape

NOTHING = ("none",) * 6


def edges(**named: str) -> tuple[str, ...]:
    """A cell by its non-trivial edges: `edges(e01="skip_connect")`."""
    return tuple(named.get(f"e{source}{target}", "none") for source, target in EDGES)


def built(layer: Layer, seed: int = 0) -> nn.Module:
    module = layer.build()
    he_init(module, torch.Generator().manual_seed(seed))
    return module.double()


def images(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def measured_macs(module: nn.Module, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops() // 2


def test_empty_cell_is_zero_and_keeps_the_gradient_path() -> None:
    x = images(2, 4, 5, 5).requires_grad_()
    y = built(Cell(4, NOTHING))(x)
    assert torch.equal(y, torch.zeros_like(x))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


@pytest.mark.parametrize(
    ("cell", "factor"),
    [
        (edges(e03="skip_connect"), 1),
        (edges(e01="skip_connect", e13="skip_connect", e03="skip_connect"), 2),
        (("skip_connect",) * 6, 4),
        (edges(e01="skip_connect", e12="skip_connect"), 0),
    ],
)
def test_identity_edges_add_up(cell: tuple[str, ...], factor: int) -> None:
    x = images(2, 3, 4, 4)
    before = x.clone()
    assert torch.equal(built(Cell(3, cell))(x), factor * x)
    assert torch.equal(x, before)


def test_nodes_are_sums_of_their_edges() -> None:
    operations = ("nor_conv_3x3", "avg_pool_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3", "nor_conv_3x3")
    module = built(Cell(4, operations))
    edge = module.get_submodule("edges")
    assert isinstance(edge, nn.ModuleDict)
    x = images(3, 4, 6, 6)
    one = edge["0-1"](x)
    two = edge["0-2"](x) + edge["1-2"](one)
    three = x + edge["1-3"](one) + edge["2-3"](two)
    torch.testing.assert_close(module(x), three)


def test_a_node_nobody_feeds_is_zero_for_the_edges_that_leave_it() -> None:
    x = images(2, 4, 5, 5)
    module = built(Cell(4, edges(e13="nor_conv_3x3", e23="avg_pool_3x3")))
    assert torch.equal(module(x), torch.zeros_like(x))


def test_edge_operations_are_those_of_the_paper() -> None:
    conv = built(edge_layer("nor_conv_3x3", 4) or pytest.fail("no layer"))
    kinds = (nn.ReLU, nn.Conv2d, nn.BatchNorm2d)
    assert all(isinstance(part, kind) for part, kind in zip(conv.children(), kinds, strict=True))
    ones = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    assert torch.equal(built(SmoothingPool())(ones), ones)
    assert edge_layer("none", 4) is None


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 1), (2, 5)])
def test_pool_and_reduction_keep_their_promised_shape(size: tuple[int, int]) -> None:
    shape = Shape(3, *size)
    x = images(2, *shape)
    for layer in (SmoothingPool(), Reduction(3, 6)):
        assert built(layer)(x).shape[1:] == layer.out_shape(shape)


def test_reduction_shortcut_averages_only_what_lies_inside() -> None:
    shortcut = built(Reduction(1, 1).shortcut)
    (weight,) = shortcut.parameters()
    x = torch.tensor([[[[1.0, 3.0, 5.0]]]], dtype=torch.float64)
    torch.testing.assert_close(shortcut(x).flatten(), weight.flatten() * torch.tensor([2.0, 5.0], dtype=torch.float64))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_costs_match_the_module(operation: str) -> None:
    shape = Shape(4, 6, 5)
    cell = Cell(4, (operation, "nor_conv_1x1", "none", "nor_conv_3x3", operation, operation))
    for layer in (cell, Reduction(4, 8)):
        module = layer.build()
        he_init(module)
        assert layer.params() == sum(p.numel() for p in module.parameters())
        assert layer.macs(shape) == measured_macs(module, torch.randn(1, *shape))


def test_operators_are_the_edges_that_compute_and_the_sums() -> None:
    shape = Shape(4, 6, 6)
    cell = Cell(4, ("nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "none", "nor_conv_1x1"))
    *parts, sums = cell.operators(shape)
    assert parts == [(edge_layer(name, 4), shape) for name in ("nor_conv_3x3", "avg_pool_3x3", "nor_conv_1x1")]
    skip = "skip_connect"
    assert sums == (Cell(4, (skip, "none", skip, skip, "none", skip)), shape)
    assert sum(layer.macs(at) for layer, at in parts) == cell.macs(shape)


def test_impossible_cells_are_refused() -> None:
    with pytest.raises(GenotypeError, match="6 edges, not 5"):
        Cell(4, ("none",) * 5)
    with pytest.raises(GenotypeError, match="no operation 'conv'"):
        Cell(4, ("conv", *NOTHING[1:]))
