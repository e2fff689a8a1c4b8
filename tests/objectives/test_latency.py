from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.devices import torch_threads
from coernas_moo.networks.layers import Conv, GlobalAveragePool, Linear, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives.latency import (
    device_name,
    fresh_module,
    measure_latency,
    measure_plan,
    random_images,
    time_passes,
)

SHAPE = Shape(3, 8, 8)


class Spy(nn.Module):
    """Notes how it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.calls: list[tuple[tuple[int, ...], bool, bool, bool, int]] = []

    def __deepcopy__(self, memo: dict[int, object]) -> Spy:
        return self

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        channels_last = x.is_contiguous(memory_format=torch.channels_last)
        self.calls.append((tuple(x.shape), self.training, y.requires_grad, channels_last, torch.get_num_threads()))
        return y


def plan(width: int, size: int) -> NetworkPlan:
    return NetworkPlan(
        Shape(3, size, size),
        (
            Block("stem", "conv", Conv(3, width, 3)),
            Block("body", "conv", Conv(width, width, 3)),
            Block("pool", "global average", GlobalAveragePool(), observed=False),
            Block("head", "linear", Linear(width, 10), observed=False),
        ),
    )


def test_passes_run_as_in_inference() -> None:
    spy = Spy().train()
    before = torch.get_num_threads()
    latency = measure_latency(spy, SHAPE, batch=5, threads=2, min_run_time=0.002)
    assert set(spy.calls) == {((5, 3, 8, 8), False, False, True, 2)}
    assert torch.get_num_threads() == before
    assert (latency.batch, latency.threads, latency.device) == (5, 2, device_name())
    assert 1 <= latency.runs < len(spy.calls)
    assert latency.median_ms > 0


def test_the_module_stays_as_it_was() -> None:
    conv = nn.Conv2d(3, 4, 3)
    module = nn.Sequential(conv, nn.BatchNorm2d(4)).train()
    weight = conv.weight
    before = {name: value.clone() for name, value in module.state_dict().items()}
    strides = weight.stride()
    measure_latency(module, SHAPE, min_run_time=0.002)
    assert module.training
    assert conv.weight is weight
    assert weight.stride() == strides
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_much_more_work_takes_longer() -> None:
    small, large = (measure_plan(plan(*size), min_run_time=0.02) for size in ((4, 8), (64, 64)))
    assert large.median_ms > 3 * small.median_ms


def test_fresh_modules_are_initialised_and_repeatable() -> None:
    state = torch.get_rng_state()
    first, second = fresh_module(plan(8, 8)), fresh_module(plan(8, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert not first.training
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()
    weight = first.get_parameter("chain.body.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert 0.5 < float(weight.detach().std()) / (2 / (8 * 9)) ** 0.5 < 2


def test_threads_are_restored_when_a_pass_fails() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError):
        time_passes(nn.Conv2d(7, 4, 3), random_images(SHAPE), before + 1, 0.001)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("batch", "threads", "device", "message"),
    [
        (0, 1, "cpu", "at least 1 image, not 0"),
        (1, 0, "cpu", "at least 1 thread, not 0"),
        (1, 1, "toaster", "no device 'toaster'"),
        (1, 1, "cuda:99", "this machine has no device 'cuda:99'"),
    ],
)
def test_impossible_settings_are_named(batch: int, threads: int, device: str, message: str) -> None:
    with pytest.raises(CoernasError, match=message):
        measure_latency(nn.Identity(), SHAPE, batch=batch, threads=threads, device=device)


def test_thread_context_sets_and_restores() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_one_channel_images_stay_channels_last_through_the_network() -> None:
    stem = NetworkPlan(Shape(1, 8, 8), (Block("stem", "conv", Conv(1, 8, 3)), Block("body", "conv", Conv(8, 8, 3))))
    images = random_images(stem.input_shape)
    network = fresh_module(stem)
    with torch.inference_mode():
        first = network.get_submodule("chain.stem")(images)
    assert images.stride() == (64, 1, 8, 1)
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert not first.is_contiguous()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is known to learn from a block")
def test_a_settled_allocator_does_not_fault() -> None:
    script = """
import resource, torch
from coernas_moo.networks.memory import settle_allocator
settle_allocator()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.zeros(25_000) for _ in range(40)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(min(faults() for _ in range(8)))
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    pages = 40 * 25_000 * 4 // 4096
    assert int(done.stdout) < pages // 10
