"""torch's layers, built fast: parameters allocated but not set, which is the business of `he_init`.

A search builds thousands of small networks, and there torch's constructors cost as much as a forward pass: they draw
weights that are drawn again, and every attribute passes through `Module.__setattr__`. So each kind of layer is
constructed once, and its twins share everything but what a module may change.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def conv2d(
    in_channels: int, out_channels: int, kernel: int, *, stride: int, padding: int, dilation: int, groups: int
) -> nn.Conv2d:
    """A convolution without bias, weights not set."""
    return _conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups).twin()


def batch_norm2d(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation, scale and shift not set, running statistics at 0 and 1."""
    return _batch_norm2d(channels).twin()


def linear(in_features: int, out_features: int) -> nn.Linear:
    """A linear map with bias, parameters not set."""
    return _linear(in_features, out_features).twin()


def relu() -> nn.ReLU:
    """max(x, 0)."""
    return _relu().twin()


def sequential(modules: Iterable[nn.Module]) -> nn.Sequential:
    """Modules one after the other."""
    twin = _sequential().twin()
    twin._modules.update((str(place), module) for place, module in enumerate(modules))
    return twin


class _Prototype(Generic[M]):
    """A module that is never used itself, and what its twins share with it."""

    def __init__(self, module: M) -> None:
        self.kind = type(module)
        values = vars(module)
        self.own = [(key, value) for key, value in values.items() if isinstance(value, dict | set)]
        self.shared = {key: value for key, value in values.items() if not isinstance(value, dict | set)}
        self.parameters = [(key, p.shape, p.dtype) for key, p in module._parameters.items() if p is not None]
        self.buffers = [(key, buffer) for key, buffer in module._buffers.items() if buffer is not None]

    def twin(self) -> M:
        """A module like it with parameters, buffers and hooks of its own."""
        twin = object.__new__(self.kind)
        values = vars(twin)
        values.update(self.shared)
        for key, value in self.own:
            values[key] = value.copy()
        for key, shape, dtype in self.parameters:
            twin._parameters[key] = nn.Parameter(torch.empty(shape, dtype=dtype))
        for key, buffer in self.buffers:
            twin._buffers[key] = buffer.clone()
        return twin


@lru_cache(maxsize=1024)
def _conv2d(
    in_channels: int, out_channels: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> _Prototype[nn.Conv2d]:
    return _Prototype(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False, device="meta")
    )


@lru_cache(maxsize=256)
def _batch_norm2d(channels: int) -> _Prototype[nn.BatchNorm2d]:
    return _Prototype(nn.BatchNorm2d(channels, device="cpu"))


@lru_cache(maxsize=256)
def _linear(in_features: int, out_features: int) -> _Prototype[nn.Linear]:
    return _Prototype(nn.Linear(in_features, out_features, device="meta"))


@cache
def _relu() -> _Prototype[nn.ReLU]:
    return _Prototype(nn.ReLU())


@cache
def _sequential() -> _Prototype[nn.Sequential]:
    return _Prototype(nn.Sequential())
