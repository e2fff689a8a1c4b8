"""Finding, in any module, the places at which a trace looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from coernas_moo.networks.init import ATTENTION_WEIGHTS, WEIGHTED

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
CHANNELS_BEFORE_LENGTH = (nn.Conv1d, nn.ConvTranspose1d)

NONLINEARITIES = (
    *(nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.LogSigmoid, nn.Softplus, nn.Softshrink, nn.Hardshrink),
    *(nn.Softsign, nn.Tanhshrink, nn.Threshold, nn.GLU),
)
"""Module types whose input is observed; the softmax family normalises over an axis and is not among them."""

_FUNCTION_NAMES = (
    *("relu", "relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"),
    *("hardswish", "hardsigmoid", "sigmoid", "tanh", "logsigmoid", "softplus", "softshrink", "hardshrink"),
    *("softsign", "tanhshrink", "threshold", "glu"),
)

NONLINEAR_FUNCTIONS: frozenset[Callable[..., object]] = frozenset(
    getattr(owner, name + suffix)
    for owner in (torch, F, Tensor)
    for name in _FUNCTION_NAMES
    for suffix in ("", "_")
    if hasattr(owner, name + suffix)
)
"""The same nonlinearities as functions and tensor methods."""


@dataclass(frozen=True)
class Structure:
    """What a module is made of, as far as a trace is concerned.

    Args:
        modules: all of them, root first.
        parameters: all of them, each once, in module order.
        blocks: modules whose outputs are feature maps; empty for a chain of leaves.
        nonlinearities: modules of the types in `NONLINEARITIES`.
        weighted: convolutions, linear maps and attentions.
        weights: their weight tensors, each once, in module order.
        norms: normalisations that may keep running statistics.
        in_place: modules that overwrite their input.
        calls_functions: whether a forward method may call nonlinearities as functions.
        channels_before_length: whether a three-dimensional map is (n, c, length) and not (n, tokens, c).
    """

    modules: tuple[nn.Module, ...]
    parameters: tuple[nn.Parameter, ...]
    blocks: tuple[nn.Module, ...]
    nonlinearities: tuple[nn.Module, ...]
    weighted: tuple[nn.Module, ...]
    weights: tuple[nn.Parameter, ...]
    norms: tuple[_NormBase, ...]
    in_place: tuple[nn.Module, ...]
    calls_functions: bool
    channels_before_length: bool


def structure_of(root: nn.Module) -> Structure:
    """Look a module over once."""
    modules = tuple(root.modules())
    kinds = [_kind(module) for module in modules]
    pairs = tuple(zip(modules, kinds, strict=True))
    weighted = tuple(m for m, kind in pairs if kind.weighted)
    weights = {id(weight): weight for module in weighted for weight in weights_of(module)}
    return Structure(
        modules=modules,
        parameters=tuple({id(p): p for m in modules for p in m._parameters.values() if p is not None}.values()),
        blocks=find_blocks(root),
        nonlinearities=tuple(m for m, kind in pairs if kind.nonlinear),
        weighted=weighted,
        weights=tuple(weights.values()),
        norms=tuple(m for m, kind in pairs if kind.norm and isinstance(m, _NormBase)),
        in_place=tuple(m for m in modules if m.__dict__.get("inplace", False)),
        calls_functions=any(kind.may_call_functions for kind in kinds),
        channels_before_length=any(kind.channels_before_length for kind in kinds),
    )


class _Kind(NamedTuple):
    """What follows from a module's type alone; `isinstance` against all these types for every module is slow."""

    weighted: bool
    nonlinear: bool
    norm: bool
    channels_before_length: bool
    may_call_functions: bool


def _kind(module: nn.Module) -> _Kind:
    kind: type = type(module)
    return _kind_of(kind)


@lru_cache(maxsize=1024)
def _kind_of(kind: type) -> _Kind:
    # torch's own layers, transformers aside, and this package's hold their nonlinearities as modules.
    origin = kind.__module__
    own = origin.startswith(("torch.nn.", "coernas_moo.")) and origin != "torch.nn.modules.transformer"
    return _Kind(
        weighted=issubclass(kind, (*WEIGHTED, nn.MultiheadAttention)),
        nonlinear=issubclass(kind, NONLINEARITIES),
        norm=issubclass(kind, _NormBase),
        channels_before_length=issubclass(kind, CHANNELS_BEFORE_LENGTH),
        may_call_functions=not own,
    )


def find_blocks(module: nn.Module) -> tuple[nn.Module, ...]:
    """The modules whose outputs a trace takes as feature maps.

    A module that names them itself, in an attribute `blocks`, is believed. Otherwise plain containers
    (`Sequential`, `ModuleList`, `ModuleDict`, but not their subclasses) are opened from the root on, as is a wrapper
    whose only child with weights is one module; every composite module with a weight inside that is met is a block,
    and is not opened. A chain of leaves, such as VGG, has no block in this sense: a trace then takes the outputs of
    its nonlinearities or, without any, of its convolutions and linear maps. What the network returns is never a
    feature map.

    Example:
        >>> from torch.nn import Conv2d, Flatten, Linear, ReLU, Sequential, TransformerEncoderLayer
        >>> encoder = TransformerEncoderLayer(8, 2)
        >>> find_blocks(Sequential(Linear(8, 8), Sequential(encoder, encoder), Linear(8, 2))) == (encoder, encoder)
        True
        >>> find_blocks(Sequential(Conv2d(3, 4, 3), ReLU(), Flatten()))
        ()
    """
    named = getattr(module, "blocks", None)
    if isinstance(named, Iterable) and not isinstance(named, Tensor | str):
        listed = tuple(named)
        if listed and all(isinstance(block, nn.Module) for block in listed):
            return listed
    root = module
    while True:
        carriers = [child for child in root.children() if _has_weight(child)]
        if len(carriers) != 1 or not _is_composite(carriers[0]):
            return tuple(_composites(root))
        root = carriers[0]


def _composites(container: nn.Module) -> Iterator[nn.Module]:
    # Not `children()`: a module that stands twice in a chain is run, and observed, twice.
    for child in container._modules.values():
        if child is None or not _is_composite(child):
            continue
        if type(child) in CONTAINERS:
            yield from _composites(child)
        elif _has_weight(child):
            yield child


def _is_composite(module: nn.Module) -> bool:
    # Attention has a projection inside, but is a layer.
    return bool(module._modules) and not isinstance(module, nn.MultiheadAttention)


def weights_of(module: nn.Module) -> Iterator[nn.Parameter]:
    """Weight tensors of one convolution, linear map or attention; a reparametrised weight is no parameter, hence none.

    The output projection of an attention is a linear map of its own.
    """
    names = ATTENTION_WEIGHTS if isinstance(module, nn.MultiheadAttention) else ("weight",)
    for name in names:
        weight = module._parameters.get(name)
        if weight is not None:
            yield weight


def _has_weight(module: nn.Module) -> bool:
    return any(_kind(m).weighted for m in module.modules())
