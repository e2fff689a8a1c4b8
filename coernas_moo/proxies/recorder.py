"""Watching one forward pass through hooks and, where nonlinearities may be functions, through a function mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode

from coernas_moo.proxies.observe import NONLINEAR_FUNCTIONS, Structure

IN_PLACE_OPERATORS = frozenset(f"__{name}__" for name in ("iadd", "isub", "imul", "itruediv", "setitem"))


@dataclass(eq=False)
class Sighting:
    """A tensor as it was when it was seen.

    Args:
        tensor: held so that its `id` stays its own.
        values: the same, detached; a copy once something is about to overwrite the tensor.
        edge: its place in the autograd graph before any overwriting; None outside the graph.
        channel_axis: where its channels are.
    """

    tensor: Tensor
    values: Tensor
    edge: GradientEdge | None
    channel_axis: int


class Recorder:
    """Collects what a trace needs while the module runs inside `watching()`.

    Args:
        structure: of the module that will run.
        maps: record block outputs.
        nonlinearities: record nonlinearity inputs.
        macs: count multiply-accumulate operations.
    """

    def __init__(self, structure: Structure, *, maps: bool, nonlinearities: bool, macs: bool) -> None:
        self.nonlinearity_inputs: list[Sighting] = []
        self.macs_by_weight: dict[int, int] = {}
        self.macs_without_weight = 0
        self._structure = structure
        self._maps = maps
        self._nonlinearities = nonlinearities
        self._macs = macs
        self._block_outputs: list[Sighting] = []
        self._nonlinearity_outputs: list[Sighting] = []
        self._weighted_outputs: list[Sighting] = []
        self._sightings: dict[tuple[int, int], Sighting] = {}
        self._of_linear: dict[int, Tensor] = {}

    @property
    def leaves_only(self) -> bool:
        """Whether the module has no blocks, so that single layers stand in for them."""
        return not self._structure.blocks

    def feature_maps(self, returned: Tensor) -> list[Sighting]:
        """Block outputs, or those of the layers that stand in for blocks; what the network `returned` is left out."""
        found = self._block_outputs
        if self.leaves_only:
            found = self._nonlinearity_outputs or self._weighted_outputs[:-1]
        return [sighting for sighting in found if sighting.tensor is not returned]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hooks are in place inside, and gone afterwards, whatever happens."""
        # Straight into the modules' tables: a hundred handles of torch cost a thirtieth of the passes.
        entries: list[tuple[dict[Any, Any], Any]] = []
        calls = self._structure.calls_functions and (self._nonlinearities or self._maps)
        try:
            for number, (before, module, hook) in enumerate(self._hooks()):
                key = id(self), number
                hooks, with_kwargs = _hook_tables(module, before=before)
                hooks[key], with_kwargs[key] = hook, True
                entries += ((hooks, key), (with_kwargs, key))
            with _FunctionCalls(self) if calls else nullcontext():
                yield
        finally:
            for table, key in entries:
                del table[key]

    def _hooks(self) -> Iterator[tuple[bool, nn.Module, Callable[..., None]]]:
        """Whether it is called before the module, the module, the hook."""
        structure = self._structure
        if self._maps:
            yield from ((False, module, self._on_block) for module in dict.fromkeys(structure.blocks))
        yield from ((False, module, self._on_weighted) for module in structure.weighted)
        if not structure.calls_functions:
            for module in structure.nonlinearities:
                if self._nonlinearities:
                    yield True, module, self._before_nonlinearity
                if self._maps and self.leaves_only:
                    yield False, module, self._after_nonlinearity
            yield from ((True, module, self._before_overwriting) for module in structure.in_place)

    def _on_block(self, _module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
        if (tensor := first_tensor(output)) is not None:
            self._block_outputs.append(self._see(tensor))

    def _on_weighted(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            return
        if isinstance(module, nn.Linear) and tensor.ndim > 3:
            self._of_linear[id(tensor)] = tensor
        if self._maps and self.leaves_only:
            self._weighted_outputs.append(self._see(tensor))
        if self._macs:
            for weight, macs in layer_macs(module, [*args, *kwargs.values()], tensor):
                if isinstance(weight, nn.Parameter):
                    self.macs_by_weight[id(weight)] = self.macs_by_weight.get(id(weight), 0) + macs
                else:
                    self.macs_without_weight += macs

    def _before_nonlinearity(self, _module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.see_nonlinearity_input([*args, *kwargs.values()])

    def _after_nonlinearity(self, _module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
        self.see_nonlinearity_output(output)

    def _before_overwriting(self, _module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.keep_from_overwriting([*args, *kwargs.values()])

    def see_nonlinearity_input(self, arguments: Any) -> None:
        """Record the first tensor among the arguments of a nonlinearity."""
        if self._nonlinearities and (tensor := first_tensor(arguments)) is not None:
            self.nonlinearity_inputs.append(self._see(tensor))

    def see_nonlinearity_output(self, output: Any) -> None:
        """Record what a nonlinearity returned, where that stands in for a block's output."""
        if self._maps and self.leaves_only and (tensor := first_tensor(output)) is not None:
            self._nonlinearity_outputs.append(self._see(tensor))

    def keep_from_overwriting(self, arguments: Any) -> None:
        """Copy what has been seen of the first tensor among `arguments`, which is about to be overwritten."""
        tensor = first_tensor(arguments)
        if tensor is None:
            return
        storage = tensor.untyped_storage().data_ptr()
        for sighting in self._sightings.values():
            if sighting.values.untyped_storage().data_ptr() == storage:
                sighting.values = sighting.values.clone()

    def _see(self, tensor: Tensor) -> Sighting:
        key = id(tensor), tensor._version
        sighting = self._sightings.get(key)
        if sighting is None:
            edge = get_gradient_edge(tensor) if self._maps and tensor.requires_grad else None
            sighting = Sighting(tensor, tensor.detach(), edge, self._channel_axis(tensor))
            self._sightings[key] = sighting
        return sighting

    def _channel_axis(self, tensor: Tensor) -> int:
        if tensor.ndim > 3:
            return tensor.ndim - 1 if id(tensor) in self._of_linear else 1
        if tensor.ndim == 3 and self._structure.channels_before_length:
            return 1
        return max(tensor.ndim - 1, 0)


def _hook_tables(module: nn.Module, *, before: bool) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Where a module keeps its hooks, and which of them take keyword arguments."""
    if before:
        return module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs
    return module._forward_hooks, module._forward_hooks_with_kwargs


class _FunctionCalls(TorchFunctionMode):
    """Shows nonlinearities, modules or functions alike, and overwritings to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        nonlinear = func in NONLINEAR_FUNCTIONS
        if nonlinear:
            self._recorder.see_nonlinearity_input([*args, *kwargs.values()])
        name = getattr(func, "__name__", "")
        overwrites = name.endswith("_") and (not name.endswith("__") or name in IN_PLACE_OPERATORS)
        if overwrites or kwargs.get("inplace"):
            self._recorder.keep_from_overwriting([*args, *kwargs.values()])
        result = func(*args, **kwargs)
        if nonlinear:
            self._recorder.see_nonlinearity_output(result)
        return result


def first_tensor(value: Any) -> Tensor | None:
    """The first floating point tensor in nested tuples, lists and mappings; None where there is none."""
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return next((tensor for item in items if (tensor := first_tensor(item)) is not None), None)


def layer_macs(module: nn.Module, arguments: list[Any], output: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Weights that a layer has just used, each with its multiply-accumulate operations for the whole batch.

    An attention counts its four projections; its products of activations with activations are not linear maps.
    """
    if isinstance(module, nn.MultiheadAttention):
        query, key, value = arguments[:3]
        if module._qkv_same_embed_dim:
            yield module.in_proj_weight, (query.numel() + key.numel() + value.numel()) * module.embed_dim
        else:
            yield module.q_proj_weight, query.numel() * module.embed_dim
            yield module.k_proj_weight, key.numel() * module.embed_dim
            yield module.v_proj_weight, value.numel() * module.embed_dim
        yield module.out_proj.weight, output.numel() * module.embed_dim
        return
    weight = module.weight
    assert isinstance(weight, Tensor)
    transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    applied_to = first_tensor(arguments) if transposed else output
    if applied_to is not None:
        yield weight, applied_to.numel() * (weight.numel() // weight.shape[0])
