"""Which modules count as blocks."""

import torch
from torch import nn

from coernas_moo.proxies import find_blocks


def composite() -> nn.Module:
    class Unit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv2d(4, 4, 1), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.conv(x))

    return Unit()


def test_named_blocks_are_believed() -> None:
    network = nn.Module()
    network.other = composite()
    network.blocks = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1))
    assert find_blocks(network) == tuple(network.blocks)


def test_containers_are_opened_and_units_are_not() -> None:
    a, b, c, d = (composite() for _ in range(4))
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(a, nn.ModuleList([b])), nn.ModuleDict({"c": c}), d)
    assert find_blocks(network) == (a, b, c, d)


def test_a_block_needs_a_weight() -> None:
    class Pooling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(2)

    unit = composite()
    assert find_blocks(nn.Sequential(Pooling(), unit, nn.Linear(4, 2))) == (unit,)


def test_a_subclass_of_a_container_is_a_unit() -> None:
    class ConvUnit(nn.Sequential):
        pass

    unit = ConvUnit(nn.Conv2d(3, 4, 1), nn.ReLU())
    assert find_blocks(nn.Sequential(unit, nn.Linear(4, 2))) == (unit,)


def test_a_module_that_stands_twice_in_a_chain_is_a_block_both_times() -> None:
    unit = composite()
    assert find_blocks(nn.Sequential(nn.Conv2d(3, 4, 1), unit, unit)) == (unit, unit)


def test_wrappers_are_opened() -> None:
    a, b = composite(), composite()
    inner = nn.Module()
    inner.body, inner.head = nn.Sequential(a, b), nn.Linear(4, 2)
    wrapper = nn.Module()
    wrapper.model, wrapper.softmax = inner, nn.Softmax(1)
    assert find_blocks(wrapper) == (a, b)
