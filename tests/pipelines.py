"""What tests of pipeline tables share: the smallest problem, and a network of one layer to hold it against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from coernas_moo.benchmarks.pipeline.make import PipelineSettings
from coernas_moo.networks.known import BASELINES, register_baseline
from coernas_moo.networks.known.parts import conv_bn, head
from coernas_moo.networks.layers import Chain, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives.latency import measure_latency

SMALL = {
    "objectives": ["score", "params"],
    "space.stages": 2,
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


@contextmanager
def one_layer_is_known() -> Iterator[None]:
    """And latencies, which nothing depends on, are measured in no time."""
    register_baseline("one-layer")(one_layer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coernas_moo.training.assess.measure_latency", partial(measure_latency, min_run_time=0.01))
        yield
    del BASELINES._entries["one-layer"]
