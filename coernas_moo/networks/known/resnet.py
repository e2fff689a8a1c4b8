"""ResNet-18 and a thin one (He et al. 2016, "Deep residual learning for image recognition").

Images of 64 pixels and more a side meet the original stem (7x7 with stride 2, then a pool), smaller ones a 3x3
convolution that keeps the resolution, as the same paper does for CIFAR.
"""

from __future__ import annotations

from coernas_moo.networks.known.parts import MaxPool, Projected, conv_bn, head, stem
from coernas_moo.networks.known.registry import SMALL_SIDE, register_baseline
from coernas_moo.networks.layers import Chain, Layer, ReLU, Shape
from coernas_moo.networks.plan import Block, NetworkPlan


@register_baseline("resnet18", "ResNet-18")
def resnet18(shape: Shape, classes: int) -> NetworkPlan:
    """ResNet-18: 11.2 M parameters."""
    return _resnet(shape, classes, 64)


@register_baseline("resnet18-thin", "ResNet-18, a quarter of the width")
def resnet18_thin(shape: Shape, classes: int) -> NetworkPlan:
    """ResNet-18 with 16 to 128 channels instead of 64 to 512: 0.7 M parameters."""
    return _resnet(shape, classes, 16)


def _resnet(shape: Shape, classes: int, width: int) -> NetworkPlan:
    if min(shape.height, shape.width) >= SMALL_SIDE:
        first = stem((*conv_bn(shape.channels, width, 7, 2), MaxPool()), "convolution 7x7 and pool")
    else:
        first = stem(conv_bn(shape.channels, width, 3), "convolution 3x3")
    blocks, channels = [first], width
    for stage in range(4):
        for position in range(2):
            stride = 2 if stage and not position else 1
            layer = _basic(channels, width * 2**stage, stride)
            channels = width * 2**stage
            blocks.append(Block(f"stage{stage + 1}.block{position + 1}", "residual block", layer))
    return NetworkPlan(shape, (*blocks, *head(channels, classes)))


def _basic(in_channels: int, out_channels: int, stride: int) -> Layer:
    body = (*conv_bn(in_channels, out_channels, 3, stride), *conv_bn(out_channels, out_channels, 3, relu=False))
    if in_channels == out_channels and stride == 1:
        return Chain(body, shortcut=True, after=(ReLU(),))
    return Projected(Chain(body), Chain(conv_bn(in_channels, out_channels, 1, stride, relu=False)), ReLU())
