"""A plain convolutional network: what a tutorial would build."""

from __future__ import annotations

from coernas_moo.networks.known.parts import MaxPool, conv_bn, head
from coernas_moo.networks.known.registry import register_baseline
from coernas_moo.networks.layers import Chain, Shape
from coernas_moo.networks.plan import Block, NetworkPlan

_WIDTHS = (32, 64, 128, 128)


@register_baseline("plain-cnn", "plain CNN")
def plain_cnn(shape: Shape, classes: int) -> NetworkPlan:
    """Four 3x3 convolutions with batch norm and ReLU, each but the last followed by a pool: 0.24 M parameters."""
    blocks, channels = [], shape.channels
    for stage, width in enumerate(_WIDTHS, start=1):
        layers = conv_bn(channels, width, 3)
        pool = (MaxPool(),) if stage < len(_WIDTHS) else ()
        blocks.append(Block(f"stage{stage}", "convolution 3x3", Chain((*layers, *pool))))
        channels = width
    return NetworkPlan(shape, (*blocks, *head(channels, classes)))
