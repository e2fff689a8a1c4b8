import numpy as np
import pytest
import torch

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, Chains, NetworkPlan


@pytest.fixture
def plan() -> NetworkPlan:
    return NetworkPlan(
        Shape(2, 9, 7),
        (
            Block("stem", "convolution", Chain((Conv(2, 4, 3, stride=2), BatchNorm(4), ReLU()))),
            Block("stage1.unit1", "convolution", Chain((Conv(4, 4, 3),), shortcut=True)),
            Block("head.pool", "global average", GlobalAveragePool(), observed=False),
            Block("head.linear", "linear", Linear(4, 3), observed=False),
        ),
    )


def test_costs_follow_the_shapes(plan: NetworkPlan) -> None:
    rows = list(plan.costs())
    assert [row.name for row in rows] == ["stem", "stage1.unit1", "head.pool", "head.linear"]
    assert [str(row.out_shape) for row in rows] == ["4x5x4", "4x5x4", "4x1x1", "3x1x1"]
    assert [row.in_shape for row in rows] == [plan.input_shape, *(row.out_shape for row in rows[:-1])]
    assert [row.macs for row in rows] == [72 * 20, 144 * 20, 0, 12]
    assert plan.macs() == sum(row.macs for row in rows)
    assert plan.params() == sum(row.params for row in rows) == 72 + 8 + 144 + 15


def test_operators_name_every_block_with_its_input(plan: NetworkPlan) -> None:
    assert [(layer, str(shape)) for layer, shape in plan.operators()] == [
        (block.layer, shape) for block, shape in zip(plan.blocks, ("2x9x7", "4x5x4", "4x5x4", "4x1x1"), strict=True)
    ]


def test_sums_over_chains_are_bit_for_bit_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    block = Block("pool", "global average", GlobalAveragePool()), Shape(4, 8, 8)
    places = rng.integers(-1, 40, size=(50, 17))
    chains, values = Chains((block,) * 40, places), rng.lognormal(size=40).tolist()
    expected = []
    for row in places:
        total = 0.0
        for number in row:
            if number >= 0:
                total += values[number]
        expected.append(total)
    assert chains.sums(values).tolist() == expected
    asked: list[Shape] = []
    assert Chains((block,) * 3, np.array([[2, 0, -1]])).each(lambda _, shape: asked.append(shape) or 1.5) == [
        1.5,
        0,
        1.5,
    ]
    assert len(asked) == 2
    # Numbers too large for a float to hold their sum on the way.
    large = [2**53 - 1 + number for number in range(40)]
    assert chains.sums(large).tolist() == [float(sum(large[i] for i in row if i >= 0)) for row in places]


def test_network_chains_the_blocks_and_observes_all_but_the_head(plan: NetworkPlan) -> None:
    network = plan.build().eval()
    he_init(network, torch.Generator().manual_seed(0))
    x = torch.randn(2, 2, 9, 7, generator=torch.Generator().manual_seed(1))
    stem, unit, pool, linear = network.chain.values()
    torch.testing.assert_close(network(x), linear(pool(unit(stem(x)))))
    assert network.blocks == [stem, unit]


def test_two_blocks_of_one_name_are_refused() -> None:
    twins = (Block("a.b", "first", ReLU()), Block("a_b", "second", ReLU()))
    with pytest.raises(CoernasError, match="2 blocks of the network are named 'a_b'"):
        NetworkPlan(Shape(1, 2, 2), twins).build()
