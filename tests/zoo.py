"""Networks of every make, and the trace of one."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.networks.init import he_init
from coernas_moo.proxies import Trace, trace
from coernas_moo.testing.proxies import EVERYTHING


class ResidualBlock(nn.Module):
    def __init__(self, width: int, functional: bool = False, inplace: bool = False) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.act = None if functional else nn.ReLU(inplace)
        self.inplace = inplace and functional

    def relu(self, x: Tensor) -> Tensor:
        return F.relu(x, self.inplace) if self.act is None else self.act(x)

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out += x
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, channels: int = 3, **options: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, padding=1)
        self.layer1 = nn.Sequential(ResidualBlock(8, **options), ResidualBlock(8, **options))
        self.layer2 = nn.ModuleList([nn.Sequential(ResidualBlock(8, **options))])
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.stem(x))
        for layer in self.layer2:
            x = layer(x)
        return self.head(x.mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.position = nn.Parameter(torch.zeros(4, 12))
        self.layers = nn.ModuleList([TransformerBlock(12), TransformerBlock(12)])
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


class TransformerBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 3, batch_first=True, dropout=0.1)
        self.up, self.gelu, self.down = nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y)[0]
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class DeadBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused, self.never = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.act, self.head = nn.ReLU(), nn.Linear(4 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.unused(x)
        return self.head(self.act(self.used(x)).flatten(1))


class Pair(nn.Module):
    """Blocks and the network itself return tuples."""

    class Inner(nn.Module):
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.map = nn.Sequential(nn.Linear(inputs, 6), nn.Tanh())

        def forward(self, x: Tensor) -> tuple[Tensor, int]:
            return self.map(x), 3

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = Pair.Inner(192), Pair.Inner(6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.head(self.second(self.first(x.flatten(1))[0])[0]), None


def chain(act: Callable[[], nn.Module] | None, channels: int = 3, norm: bool = True) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs in (channels, 6):
        layers += [
            nn.Conv2d(inputs, 6, 3, padding=1),
            *([nn.BatchNorm2d(6)] if norm else []),
            *([act()] if act else []),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))


# Network, input channels, feature maps, nonlinearity inputs, weights with a path to the loss.
ZOO: dict[str, tuple[Callable[[], nn.Module], int, int, int, int]] = {
    "resnet": (ResNet, 3, 3, 6, 8),
    "resnet with functions": (lambda: ResNet(functional=True), 3, 3, 6, 8),
    "resnet in place": (lambda: ResNet(inplace=True), 3, 3, 6, 8),
    "resnet with functions in place": (lambda: ResNet(functional=True, inplace=True), 3, 3, 6, 8),
    "one channel": (lambda: ResNet(channels=1), 1, 3, 6, 8),
    "transformer": (Transformer, 3, 2, 2, 10),
    "torch's transformer": (
        lambda: nn.Sequential(
            nn.Flatten(2), nn.Linear(64, 8), nn.TransformerEncoderLayer(8, 2, 16), nn.Flatten(), nn.Linear(24, 4)
        ),
        *(3, 1, 1, 6),
    ),
    "silu": (lambda: chain(nn.SiLU), 3, 2, 2, 3),
    "hardswish": (lambda: chain(nn.Hardswish), 3, 2, 2, 3),
    "relu in place": (lambda: chain(lambda: nn.ReLU(inplace=True)), 3, 2, 2, 3),
    "no norm": (lambda: chain(nn.ReLU, norm=False), 3, 2, 2, 3),
    "no nonlinearity": (lambda: chain(None), 3, 2, 0, 3),
    "dead branch": (DeadBranch, 3, 1, 1, 2),
    "mlp": (mlp, 3, 2, 2, 3),
    "tuples": (Pair, 3, 2, 2, 3),
    "wrapped": (lambda: nn.Sequential(nn.Sequential(ResNet())), 3, 3, 6, 8),
}


def run(network: nn.Module, channels: int = 3, needs: tuple = EVERYTHING, batch: int = 8) -> Trace:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(batch, channels, 8, 8, generator=generator)
    return trace(network, images, torch.randint(0, 4, (batch,), generator=generator), needs=needs)


def made(name: str) -> tuple[nn.Module, int]:
    build, channels, *_ = ZOO[name]
    network = build()
    he_init(network, torch.Generator().manual_seed(0))
    return network, channels
