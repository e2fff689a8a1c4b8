"""torch's layers, built fast: parameters allocated but not set, which is the business of `he_init`.

A search builds thousands of small networks, and there torch's constructors cost as much as a forward pass: they draw
weights that are drawn again, and every attribute passes through `Module.__setattr__`. So each kind of layer is
constructed once, and its twins share everything but what a module may change.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def conv2d(
    in_channels: int, out_channels: int, kernel: int, *, stride: int, padding: int, dilation: int, groups: int
) -> nn.Conv2d:
    """A convolution without bias, weights not set."""
    return _twin(_conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups))


def batch_norm2d(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation, scale and shift not set, running statistics at 0 and 1."""
    return _twin(_batch_norm2d(channels))


def linear(in_features: int, out_features: int) -> nn.Linear:
    """A linear map with bias, parameters not set."""
    return _twin(_linear(in_features, out_features))


@lru_cache(maxsize=1024)
def _conv2d(
    in_channels: int, out_channels: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False, device="meta")


@lru_cache(maxsize=256)
def _batch_norm2d(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, device="cpu")


@lru_cache(maxsize=256)
def _linear(in_features: int, out_features: int) -> nn.Linear:
    return nn.Linear(in_features, out_features, device="meta")


def _twin(prototype: M) -> M:
    """A module like `prototype` with parameters, buffers and hooks of its own."""
    twin = object.__new__(type(prototype))
    for key, value in vars(prototype).items():
        vars(twin)[key] = value.copy() if isinstance(value, dict | set) else value
    for name, parameter in prototype._parameters.items():
        if parameter is not None:
            twin._parameters[name] = nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype))
    for name, buffer in prototype._buffers.items():
        if buffer is not None:
            twin._buffers[name] = buffer.clone()
    return twin
