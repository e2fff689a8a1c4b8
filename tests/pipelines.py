"""What tests of pipeline tables share: the smallest problem, and a network of one layer to hold it against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torch import nn

from coernas_moo.benchmarks.pipeline.make import PipelineSettings
from coernas_moo.networks.known import BASELINES, register_baseline
from coernas_moo.networks.known.parts import conv_bn, head
from coernas_moo.networks.layers import Chain, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives.latency import Latency, measure_latency

SMALL = {
    "objectives": ["score", "params"],
    "space.stages": 2,
    "space.widths": [],
    "space.max_depth": 1,
    "space.base_width": 4,
    "search.population": 4,
    "search.generations": 2,
    "evaluation.workers": 1,
    "train.epochs": 2,
    "train.batch": 512,
}
SETTINGS = PipelineSettings(
    picks=("best", "smallest", "best"), models=("one-layer",), seeds=2, rounds=1, round_seconds=0.01
)


def one_layer(shape: Shape, classes: int) -> NetworkPlan:
    body = Chain(conv_bn(shape.channels, 8, 3))
    return NetworkPlan(shape, (Block("stem", "convolution 3x3", body), *head(8, classes)))


def _soon_measured(module: nn.Module, shape: Shape, *, min_run_time: float = 0.0) -> Latency:
    return measure_latency(module, shape, min_run_time=min(min_run_time, 0.01))


@contextmanager
def one_layer_is_known() -> Iterator[None]:
    """And latencies, which nothing depends on, are measured in no time."""
    register_baseline("one-layer")(one_layer)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("training.assess", "benchmarks.pipeline.speed"):
            patch.setattr(f"coernas_moo.{module}.measure_latency", _soon_measured)
        yield
    del BASELINES._entries["one-layer"]
