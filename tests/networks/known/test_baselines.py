"""Every well-known network: its plan agrees with its module, and it learns from images of any size."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.known import BASELINES, register_baseline
from coernas_moo.networks.known.parts import MaxPool, Projected
from coernas_moo.networks.layers import Conv, Identity, Shape

SHAPES = [Shape(1, 8, 8), Shape(3, 32, 32), Shape(3, 64, 64), Shape(1, 70, 65), Shape(1, 1, 1)]


@pytest.mark.parametrize("name", list(BASELINES))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_plan_and_module_agree(name: str, shape: Shape) -> None:
    plan = BASELINES[name](shape, 5)
    module = plan.build()
    he_init(module, torch.Generator().manual_seed(0))
    assert plan.params() == sum(parameter.numel() for parameter in module.parameters())
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        scores = module.eval()(torch.randn(2, *shape))
    assert scores.shape == (2, 5)
    assert counter.get_total_flops() == 2 * 2 * plan.macs()
    for row, block in zip(plan.costs(), plan.blocks, strict=True):
        assert row.out_shape == block.layer.out_shape(row.in_shape)


@pytest.mark.parametrize("name", list(BASELINES))
def test_gradients_reach_every_weight(name: str) -> None:
    module = BASELINES[name](Shape(1, 16, 16), 3).build()
    he_init(module, torch.Generator().manual_seed(0))
    images = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.nn.functional.cross_entropy(module(images), torch.tensor([0, 1, 2, 0])).backward()
    for label, parameter in module.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label


def test_sizes_are_those_of_the_papers() -> None:
    """ResNet-18 has 11,689,512 parameters for ImageNet, MobileNetV2 3,504,872 (torchvision's counts)."""
    photographs = Shape(3, 224, 224)
    assert BASELINES["resnet18"](photographs, 1000).params() == 11_689_512
    assert BASELINES["mobilenetv2"](photographs, 1000).params() == 3_504_872
    assert BASELINES["resnet18"](photographs, 1000).macs() == 1_814_073_344
    assert BASELINES["mobilenetv2"](photographs, 1000).macs() == 300_774_272


@pytest.mark.parametrize("name", ["resnet18-thin", "mobilenetv2-half", "plain-cnn"])
def test_small_ones_are_below_a_million(name: str) -> None:
    assert BASELINES[name](Shape(3, 32, 32), 10).params() < 1_000_000


def test_branches_that_do_not_agree_are_named() -> None:
    layer = Projected(Conv(3, 8, 3, stride=2), Conv(3, 8, 1), Identity())
    with pytest.raises(CoernasError, match="8x4x4 and 8x8x8"):
        layer.out_shape(Shape(3, 8, 8))


def test_pool_rounds_up() -> None:
    assert MaxPool().out_shape(Shape(2, 7, 1)) == MaxPool().build()(torch.zeros(1, 2, 7, 1)).shape[1:]


def test_names_are_unique_and_typeable() -> None:
    with pytest.raises(CoernasError, match="registered already"):
        register_baseline("resnet18")(lambda shape, classes: BASELINES["resnet18"](shape, classes))
    with pytest.raises(CoernasError, match="baseline cannot be named"):
        register_baseline("res net")
