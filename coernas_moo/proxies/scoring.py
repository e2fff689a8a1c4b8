"""Scoring one module: initialise, trace, apply proxies of the trace and of the network."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.init import initialise
from coernas_moo.networks.memory import channels_last
from coernas_moo.proxies.observe import Structure, structure_of
from coernas_moo.proxies.proxy import PROXIES, AnyProxy, Proxy
from coernas_moo.proxies.trace import TracePart, trace
from coernas_moo.seeds import LARGEST_SEED

DIMENSIONS = ("robustness", "isotropy", "uncertainty", "regularity")
"""The four proxies of the method, in the order in which they are shown."""


@dataclass(frozen=True)
class Score:
    """Raw values of one network; what they are worth shows only among others (see `fuse`).

    Args:
        values: by proxy name, in the order asked for; higher is better.
        params: number of parameters.
        macs: multiply-accumulate operations of convolutions, linear and attention layers (modules, not functions) for
            one image at the scored resolution.
    """

    values: Mapping[str, float]
    params: int
    macs: int

    def __getitem__(self, proxy: str) -> float:
        return self.values[proxy]


def score(
    module: nn.Module,
    input_shape: Sequence[int],
    classes: int,
    *,
    batch: int = 32,
    seed: int = 0,
    repeats: int = 1,
    proxies: Sequence[str] = DIMENSIONS,
    images: Tensor | None = None,
    restore: bool = True,
) -> Score:
    """Training-free score of any module: He initialisation, one forward and one backward pass, the proxies.

    A `NetworkProxy` among the proxies runs the module again by itself, on the same weights, images and labels.

    The weights that torch's layers come with do not matter; they are back in place afterwards. Parameters that a module
    of the caller's own holds (an embedding of positions, a scale) are taken as they are, and so are buffers. The same
    arguments give the same score, whatever torch's random state, which is left alone. A repeat draws weights, images
    and labels anew; values are means over repeats.

    Args:
        module: on the CPU, float32 or what the images are, not scripted; takes images (n, *input_shape), returns class
            scores (n, classes).
        input_shape: of one image, (channels, height, width) as a rule.
        classes: of the module's answer, exactly; labels are drawn uniformly from 0 to classes - 1.
        batch: number of standard Gaussian images, at least 2.
        seed: of the first repeat, 0 to 2**63 - 1; further ones derive theirs from it.
        repeats: at least 1.
        proxies: names in `PROXIES`.
        images: shape (n, *input_shape), used instead of Gaussian ones; `batch` is not read then.
        restore: put the weights back; without it a module built for this call only is scored a little faster.

    Raises:
        CoernasError: an argument is out of range, a proxy is unknown, or the module does not return class scores.

    Example:
        >>> from torch.nn import Conv2d, Flatten, Linear, ReLU, Sequential
        >>> net = Sequential(Conv2d(3, 4, 3), ReLU(), Flatten(), Linear(144, 10))
        >>> result = score(net, (3, 8, 8), classes=10)
        >>> result.params, result.macs, sorted(result.values)
        (1562, 5328, ['isotropy', 'regularity', 'robustness', 'uncertainty'])
    """
    chosen = [PROXIES[name] for name in proxies]
    for name, value, least in (("batch", batch, 2), ("classes", classes, 2), ("repeats", repeats, 1)):
        if value < least:
            raise CoernasError(f"{name} must be at least {least}, not {value}")
    if not 0 <= seed <= LARGEST_SEED:
        raise CoernasError(f"seed must be 0 to {LARGEST_SEED} (2**63 - 1), not {seed}")
    if images is not None and not isinstance(images, Tensor):
        raise CoernasError(f"images must be a tensor, not {type(images).__name__}")
    if images is not None and (images.shape[1:] != tuple(input_shape) or len(images) < 2):
        raise CoernasError(
            f"images must have shape (2 or more, {', '.join(map(str, input_shape))}), not {tuple(images.shape)}"
        )
    structure = structure_of(module)
    parameters = list(structure.parameters)
    if any(parameter.device.type != "cpu" for parameter in parameters):
        raise CoernasError("the module to score is not on the CPU; move it there with module.cpu()")
    wanted = torch.float32 if images is None else images.dtype
    if any(parameter.dtype != wanted for parameter in parameters):
        raise CoernasError(f"the module to score has parameters that are not {wanted}, as the images are; convert it")
    if any(isinstance(each, torch.jit.ScriptModule) for each in structure.modules):
        raise CoernasError("the module to score is scripted, which hides its layers; score it before torch.jit.script")
    rows, macs = [], 0
    for repeat in range(repeats):
        row, macs = _one_repeat(
            module,
            structure,
            parameters if restore else (),
            input_shape,
            classes,
            batch,
            repeat_seed(seed, repeat),
            chosen,
            images,
        )
        rows.append(row)
    means = np.mean(rows, axis=0).tolist()
    return Score(
        values=dict(zip(proxies, means, strict=True)),
        params=sum(parameter.numel() for parameter in parameters),
        macs=macs,
    )


def repeat_seed(seed: int, repeat: int) -> int:
    """The seed of one repeat: `seed` itself for the first, statistically independent ones after it."""
    return seed if repeat == 0 else int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def _one_repeat(
    module: nn.Module,
    structure: Structure,
    to_restore: Sequence[nn.Parameter],
    input_shape: Sequence[int],
    classes: int,
    batch: int,
    seed: int,
    proxies: Sequence[AnyProxy],
    images: Tensor | None,
) -> tuple[list[float], int]:
    needs: set[TracePart] = {"macs"}
    needs.update(*(proxy.needs for proxy in proxies if isinstance(proxy, Proxy)))
    with torch.random.fork_rng(devices=[]), _own_storage(to_restore):
        # torch.manual_seed would seed every accelerator too, and those are not restored.
        torch.default_generator.manual_seed(seed)
        initialise(structure.modules)
        if images is None:
            images = torch.randn(batch, *input_shape)
        labels = torch.randint(0, classes, (len(images),))
        if images.ndim == 4:
            images = channels_last(images)
        recorded = trace(module, images, labels, needs=needs, classes=classes, structure=structure)
        values = [
            proxy(recorded)
            if isinstance(proxy, Proxy)
            else proxy(module, images.clone(), labels, seed=_seed_of_proxy(seed, proxy.name))
            for proxy in proxies
        ]
    return values, recorded.macs


def _seed_of_proxy(seed: int, name: str) -> int:
    """What a proxy draws depends neither on the other proxies nor on the weights, which are drawn from `seed`."""
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0])


@contextmanager
def _own_storage(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Parameters have storage of their own inside, and the one they came with afterwards."""
    kept = [(parameter, parameter.data) for parameter in parameters]
    try:
        for parameter, data in kept:
            parameter.data = data.clone(memory_format=torch.contiguous_format)
        yield
    finally:
        for parameter, data in kept:
            parameter.data = data
