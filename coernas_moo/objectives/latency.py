"""Latency of a network, measured on this machine."""

from __future__ import annotations

import copy
import platform
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.benchmark import Measurement, Timer

from coernas_moo.errors import CoernasError
from coernas_moo.networks.devices import torch_device, torch_threads
from coernas_moo.networks.init import he_init
from coernas_moo.networks.layers import Layer, Shape
from coernas_moo.networks.memory import channels_last, settle_allocator
from coernas_moo.networks.plan import NetworkPlan

WARM_UP = 3
REMEDY = "latency can be measured on cpu"
"""Where a device is not there."""


@dataclass(frozen=True)
class Latency:
    """Time of one forward pass of a batch in inference.

    Args:
        median_ms: milliseconds a batch, median over the timed blocks of passes.
        iqr_ms: interquartile range of the same, milliseconds.
        runs: forward passes timed.
        threads: torch threads of one operator.
        batch: images a pass.
        device: model of the processor or name of the GPU.
    """

    median_ms: float
    iqr_ms: float
    runs: int
    threads: int
    batch: int
    device: str


def device_name(device: torch.device | str = "cpu") -> str:
    """What a person calls the device: the processor's model or the GPU's name.

    Raises:
        CoernasError: torch knows no such device, or this machine has none.

    Example:
        >>> device_name("toaster")
        Traceback (most recent call last):
        ...
        coernas_moo.errors.CoernasError: torch has no device 'toaster'; use cpu, cuda or cuda:N
    """
    found = torch_device(device, REMEDY)
    if found.type == "cuda":
        return torch.cuda.get_device_name(found)
    return _processor() if found.type == "cpu" else str(found)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown processor"


def fresh_module(planned: Layer | NetworkPlan) -> nn.Module:
    """The module of a layer or of a whole network, He-initialised from a fixed seed and ready for inference.

    Unset memory may hold denormals or NaN, with which arithmetic is many times slower. Torch's global random state
    is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        module = planned.build()
    he_init(module, torch.Generator().manual_seed(0))
    return inference_module(module)


def inference_module(module: nn.Module, device: torch.device | str = "cpu") -> nn.Module:
    """The same module in eval mode on `device`, weights in channels-last order."""
    module = module.eval().to(torch_device(device, REMEDY))
    for weight in module.parameters():
        if weight.dim() == 4:
            weight.data = channels_last(weight.data)
    return module


def random_images(shape: Shape, batch: int = 1, device: torch.device | str = "cpu") -> Tensor:
    """Standard Gaussian images or feature maps (batch, channels, height, width), channels-last, from a fixed seed.

    Raises:
        CoernasError: fewer than one image.
    """
    if batch < 1:
        raise CoernasError(f"latency is measured on batches of at least 1 image, not {batch}")
    images = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))
    return channels_last(images.to(torch_device(device, REMEDY)))


def time_passes(module: nn.Module, images: Tensor, threads: int, min_run_time: float) -> Measurement:
    """Blocks of forward passes for at least `min_run_time` seconds, after a warm-up; times are seconds a pass."""
    timer = Timer("module(images)", globals={"module": module, "images": images}, num_threads=threads)
    settle_allocator()
    with torch.inference_mode(), torch_threads(threads):
        for _ in range(WARM_UP):
            module(images)
        return timer.blocked_autorange(min_run_time=min_run_time)


def measure_latency(
    module: nn.Module,
    input_shape: Shape,
    *,
    batch: int = 1,
    threads: int = 1,
    device: torch.device | str = "cpu",
    min_run_time: float = 0.5,
) -> Latency:
    """Latency of `module` on batches (batch, *input_shape) of random images; nothing else should run meanwhile.

    A copy is measured: mode, device and memory order of `module` stay as they are. Its weights are used as they are,
    so initialise those of a network that was only built (`measure_plan` does).

    Args:
        module: maps (batch, channels, height, width) to anything.
        input_shape: of one image.
        batch: images a pass.
        threads: torch threads; the number before is restored.
        device: `cpu`, `cuda` or `cuda:N`.
        min_run_time: seconds spent on timed passes.

    Raises:
        CoernasError: no such device, or a batch or number of threads below 1.

    Example:
        >>> latency = measure_latency(nn.Conv2d(3, 4, 3), Shape(3, 8, 8), min_run_time=0.01)
        >>> latency.median_ms > 0, latency.threads, latency.batch
        (True, 1, 1)
    """
    images = random_images(input_shape, batch, device)
    measured = time_passes(inference_module(copy.deepcopy(module), device), images, threads, min_run_time)
    return Latency(
        median_ms=measured.median * 1e3,
        iqr_ms=measured.iqr * 1e3,
        runs=len(measured.times) * measured.number_per_run,
        threads=threads,
        batch=batch,
        device=device_name(device),
    )


def measure_plan(
    plan: NetworkPlan,
    *,
    batch: int = 1,
    threads: int = 1,
    device: torch.device | str = "cpu",
    min_run_time: float = 0.5,
) -> Latency:
    """Latency of a planned network with freshly initialised weights; arguments and errors as in `measure_latency`."""
    return measure_latency(
        fresh_module(plan), plan.input_shape, batch=batch, threads=threads, device=device, min_run_time=min_run_time
    )
