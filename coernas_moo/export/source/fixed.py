"""Layers that are written in one way only: pools and what torch has as one module."""

from __future__ import annotations

from coernas_moo.export.source.text import call, sequential
from coernas_moo.export.source.writer import LayerSource, Place, SourceWriter, layer_source
from coernas_moo.networks.cell import SmoothingPool
from coernas_moo.networks.layers import BatchNorm, GlobalAveragePool, Identity, Layer, Linear, ReLU
from coernas_moo.networks.pools import AveragePool, BlurPool, L2Pool, L2Pooling, MaxPool, MixedPool

_MIXED = '''\
class {name}(nn.Module):
    """(maximum + mean) / 2 of each 2x2 window."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * (F.max_pool2d(x, 2, ceil_mode=True) + F.avg_pool2d(x, 2, ceil_mode=True))'''

_L2 = '''\
class {name}(nn.Module):
    """Root mean square of each 2x2 window."""

    # Keeps the gradient finite where a window is all zeros.
    eps = {eps}

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt(F.avg_pool2d(x * x, 2, ceil_mode=True) + self.eps)'''

_BLUR = '''\
class {name}(nn.Module):
    """Binomial 4x4 low-pass filter, then every second position (Zhang 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        side = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = (side[:, None] * side).expand(channels, 1, 4, 4).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 2, 1, 2), mode="replicate")
        return F.conv2d(padded, self.kernel, stride=2, groups=self.kernel.shape[0])'''


def _always(expression: str) -> LayerSource[Layer]:
    return lambda _layer, _place, _writer: expression


layer_source(MaxPool)(_always("nn.MaxPool2d(2, ceil_mode=True)"))
layer_source(AveragePool)(_always("nn.AvgPool2d(2, ceil_mode=True)"))
layer_source(SmoothingPool)(_always("nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)"))
layer_source(ReLU)(_always("nn.ReLU()"))
layer_source(Identity)(_always("nn.Identity()"))
layer_source(GlobalAveragePool)(_always(sequential(["nn.AdaptiveAvgPool2d(1)", "nn.Flatten()"])))


@layer_source(BatchNorm)
def _batch_norm(layer: BatchNorm, _place: Place, _writer: SourceWriter) -> str:
    return f"nn.BatchNorm2d({layer.channels})"


@layer_source(Linear)
def _linear(layer: Linear, _place: Place, _writer: SourceWriter) -> str:
    return f"nn.Linear({layer.in_features}, {layer.out_features})"


@layer_source(MixedPool)
def _mixed_pool(_layer: MixedPool, _place: Place, writer: SourceWriter) -> str:
    return call(writer.add_class(MixedPool, "MixedPool", lambda name: _MIXED.format(name=name)), [])


@layer_source(L2Pool)
def _l2_pool(_layer: L2Pool, _place: Place, writer: SourceWriter) -> str:
    return call(writer.add_class(L2Pool, "L2Pool", lambda name: _L2.format(name=name, eps=L2Pooling.EPS)), [])


@layer_source(BlurPool)
def _blur_pool(layer: BlurPool, _place: Place, writer: SourceWriter) -> str:
    return call(writer.add_class(BlurPool, "BlurPool", lambda name: _BLUR.format(name=name)), [str(layer.channels)])
