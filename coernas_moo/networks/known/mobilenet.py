"""Networks like MobileNetV2 (Sandler et al. 2018): its inverted residuals, with ReLU in place of ReLU6.

Images below 64 pixels a side lose the stride of the stem and of the second stage, as is usual for CIFAR.
"""

from __future__ import annotations

from coernas_moo.networks.known.parts import conv_bn, head, stem
from coernas_moo.networks.known.registry import SMALL_SIDE, register_baseline
from coernas_moo.networks.layers import Chain, Layer, Shape
from coernas_moo.networks.plan import Block, NetworkPlan

# Expansion, channels, blocks, stride of the first: table 2 of the paper.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@register_baseline("mobilenetv2", "MobileNetV2-like")
def mobilenetv2(shape: Shape, classes: int) -> NetworkPlan:
    """Width 1: 2.2 M parameters."""
    return _mobilenet(shape, classes, 1.0)


@register_baseline("mobilenetv2-half", "MobileNetV2-like, half of the width")
def mobilenetv2_half(shape: Shape, classes: int) -> NetworkPlan:
    """Width 0.5, the last convolution too: 0.6 M parameters."""
    return _mobilenet(shape, classes, 0.5)


def _mobilenet(shape: Shape, classes: int, multiplier: float) -> NetworkPlan:
    large = min(shape.height, shape.width) >= SMALL_SIDE
    channels = _width(32, multiplier)
    blocks = [stem(conv_bn(shape.channels, channels, 3, 2 if large else 1), "convolution 3x3")]
    for stage, (expansion, width, depth, stride) in enumerate(_STAGES, start=1):
        for position in range(1, depth + 1):
            step = stride if position == 1 and (large or stage != 2) else 1
            layer = _inverted(channels, _width(width, multiplier), expansion, step)
            channels = _width(width, multiplier)
            blocks.append(Block(f"stage{stage}.block{position}", "inverted residual 3x3", layer))
    last = _width(1280, multiplier)
    blocks.append(Block("last", "convolution 1x1", Chain(conv_bn(channels, last, 1))))
    return NetworkPlan(shape, (*blocks, *head(last, classes)))


def _inverted(in_channels: int, out_channels: int, expansion: int, stride: int) -> Layer:
    hidden = in_channels * expansion
    expand = conv_bn(in_channels, hidden, 1) if expansion > 1 else ()
    depthwise = conv_bn(hidden, hidden, 3, stride, groups=hidden)
    project = conv_bn(hidden, out_channels, 1, relu=False)
    return Chain((*expand, *depthwise, *project), shortcut=stride == 1 and in_channels == out_channels)


def _width(channels: int, multiplier: float) -> int:
    """The nearest multiple of 8, at least 8."""
    return max(8, int(channels * multiplier + 4) // 8 * 8)
