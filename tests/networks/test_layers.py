import itertools

import pytest
import torch

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import (
    BatchNorm,
    Chain,
    Conv,
    GlobalAveragePool,
    Identity,
    Linear,
    ReLU,
    Residual,
    Shape,
)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), list(itertools.product((1, 3, 5, 7), (1, 2, 3, 4), (1, 2, 3)))
)
def test_conv_shape_is_torchs(kernel: int, stride: int, dilation: int) -> None:
    conv = Conv(2, 4, kernel, stride=stride, dilation=dilation, groups=2)
    module = conv.build()
    for height, width in itertools.product((1, 2, 3, 4, 7, 8), (1, 5, 6)):
        assert module(torch.zeros(1, 2, height, width)).shape == (1, *conv.out_shape(Shape(2, height, width)))


def test_conv_that_cannot_keep_the_resolution_is_refused() -> None:
    with pytest.raises(CoernasError, match="odd side, not 4: use 5"):
        Conv(8, 8, 4)


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(CoernasError, match="3 groups do not divide 8"):
        Conv(8, 9, 3, groups=3)
    with pytest.raises(CoernasError, match="3 groups do not divide"):
        Conv(9, 8, 3, groups=3)


@pytest.mark.parametrize("layer", [Conv(6, 4, 3, groups=2), BatchNorm(6), ReLU(), Identity(), Linear(6, 5)])
def test_params_are_the_modules(layer) -> None:
    assert sum(weight.numel() for weight in layer.build().parameters()) == layer.params()


def test_grouped_and_strided_macs_by_hand() -> None:
    assert Conv(6, 4, 3, stride=2, groups=2).macs(Shape(6, 5, 4)) == 4 * 3 * 9 * 3 * 2
    assert Linear(6, 5).macs(Shape(6, 1, 1)) == 30


def test_global_average_pool_is_the_mean() -> None:
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(GlobalAveragePool().build()(x), x.mean(dim=(2, 3)))
    assert GlobalAveragePool().out_shape(Shape(3, 4, 5)) == Shape(3, 1, 1)


def test_chain_follows_shapes_and_sums_costs() -> None:
    chain = Chain((Conv(3, 4, 3, stride=2), BatchNorm(4)), after=(Conv(4, 2, 1, stride=2), ReLU()))
    shape = Shape(3, 9, 6)
    assert chain.out_shape(shape) == Shape(2, 3, 2)
    assert chain.params() == 108 + 8 + 8
    assert chain.macs(shape) == 108 * 5 * 3 + 8 * 3 * 2
    assert chain.macs(Shape(3, 1, 1)) == 108 + 8


def test_chain_asked_for_costs_stays_the_same_value() -> None:
    asked, fresh = (Chain((Conv(3, 3, 3), ReLU()), shortcut=True) for _ in range(2))
    text = repr(asked)
    asked.macs(Shape(3, 8, 8))
    asked.params()
    assert asked == fresh
    assert hash(asked) == hash(fresh)
    assert repr(asked) == text


@pytest.mark.parametrize("shortcut", [False, True])
def test_shortcut_adds_the_input_before_the_activation(shortcut: bool) -> None:
    module = Chain((Conv(3, 3, 3), BatchNorm(3)), shortcut=shortcut, after=(ReLU(),)).build().eval()
    assert isinstance(module, Residual)
    he_init(module, torch.Generator().manual_seed(0))
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    body = module.body(x)
    torch.testing.assert_close(module(x), torch.relu(body + x if shortcut else body))


@pytest.mark.parametrize("body", [Conv(3, 4, 3), Conv(3, 3, 3, stride=2)])
def test_shortcut_across_different_shapes_is_refused(body: Conv) -> None:
    with pytest.raises(CoernasError, match=r"3x8x8 becomes .* set shortcut=False"):
        Chain((body,), shortcut=True).out_shape(Shape(3, 8, 8))


@pytest.mark.parametrize("layer", [Conv(6, 4, 3), Linear(6, 5), Chain((Conv(4, 4, 3), BatchNorm(4)), shortcut=True)])
def test_building_leaves_the_global_generator_alone(layer) -> None:
    before = torch.get_rng_state()
    layer.build()
    assert torch.equal(torch.get_rng_state(), before)
