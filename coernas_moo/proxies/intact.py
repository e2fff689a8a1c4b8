"""Lending a module to code that may do with it what it likes, and getting it back as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def intact(module: nn.Module, seed: int) -> Iterator[None]:
    """Inside, weights are the caller's own and trainable, all modes are train, and torch's random state is `seed`.

    On leaving, parameters (storage, precision, `requires_grad`, `grad`), buffers, modes and the random state are what
    they were. Hooks are the caller's business.
    """
    with ExitStack() as restore:
        restore.enter_context(torch.random.fork_rng(devices=[]))
        # torch.manual_seed would seed every accelerator too, and those are not restored.
        torch.default_generator.manual_seed(seed)
        restore.callback(set_modes, [(m, m.training) for m in module.modules()])
        module.train()
        for parameter in module.parameters():
            restore.callback(_restore_parameter, parameter, parameter.data, parameter.grad, parameter.requires_grad)
            parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
            parameter.grad = None
            parameter.requires_grad_(True)
        for owner in module.modules():
            for name, buffer in owner._buffers.items():
                if buffer is not None:
                    restore.callback(restore_buffer, owner, name, buffer, buffer.clone())
        yield


def _restore_parameter(parameter: nn.Parameter, data: Tensor, grad: Tensor | None, requires_grad: bool) -> None:
    # The gradient goes first: a parameter refuses data of another precision than its gradient's.
    parameter.grad = None
    parameter.data = data
    parameter.grad = grad
    parameter.requires_grad_(requires_grad)


def restore_buffer(owner: nn.Module, name: str, buffer: Tensor, values: Tensor) -> None:
    """Put a buffer back into its place, with these values."""
    owner._buffers[name] = buffer.copy_(values)


def set_modes(modes: Sequence[tuple[nn.Module, bool]]) -> None:
    """Set each module to training mode or not, and none of its children."""
    for module, training in modes:
        module.training = training
