from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Keeps, Layer, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives import latency_table, operator_latency
from coernas_moo.objectives.latency_table import (
    LatencyTable,
    LatencyTableWarning,
    MissingLatencyError,
    _Key,
    cache_directory,
)
from coernas_moo.objectives.operator_latency import operator_latencies, space_operators
from coernas_moo.spaces.nasbench201 import NASBench201Settings
from coernas_moo.spaces.separable import SeparableSettings
from coernas_moo.spaces.settings import SpaceSettings

SHAPE = Shape(3, 8, 8)


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_latency, "MAX_ROUNDS", 9)


def plan(width: int = 4, size: int = 8) -> NetworkPlan:
    unit = Chain((Conv(width, width, 3), BatchNorm(width)), shortcut=True, after=(ReLU(),))
    return NetworkPlan(
        Shape(3, size, size),
        (
            Block("stem", "conv", Conv(3, width, 3)),
            Block("unit1", "unit", unit),
            Block("unit2", "unit", unit),
            Block("pool", "global average", GlobalAveragePool(), observed=False),
            Block("head", "linear", Linear(width, 10), observed=False),
        ),
    )


def measured(*plans: NetworkPlan) -> LatencyTable:
    table = LatencyTable()
    table.measure(plans)
    return table


def plain(table: LatencyTable) -> Any:
    return json.loads(json.dumps(table.snapshot()))


def set_times(table: LatencyTable, times: list[float]) -> LatencyTable:
    """The same table with times given by hand, in the order of its entries."""
    snapshot = plain(table)
    for entry, ms in zip(snapshot["entries"], times, strict=True):
        entry["ms"] = ms
    return LatencyTable.from_snapshot(snapshot)


def test_an_operator_is_measured_once() -> None:
    table = LatencyTable()
    assert [type(layer) for layer, _ in table.missing(plan())] == [Conv, Chain, GlobalAveragePool, Linear]
    assert table.measure([plan()]) == 4
    before = table.snapshot()
    assert table.missing(plan()) == []
    assert table.measure([plan()]) == 0
    assert table.snapshot() == before
    other = NetworkPlan(SHAPE, (*plan().blocks[:1], Block("new", "conv", Conv(4, 4, 5))))
    assert table.measure([other]) == 1
    assert table.estimate(plan()) == LatencyTable.from_snapshot(before).estimate(plan())


def test_the_estimate_is_the_sum_over_operators() -> None:
    table = set_times(measured(plan()), [1.0, 10.0, 100.0, 1000.0])
    assert table.estimate(plan()) == 1121.0
    assert table.estimate(plan()) == 1121.0


def test_the_same_layer_at_another_resolution_is_another_entry() -> None:
    table = measured(plan())
    with pytest.raises(MissingLatencyError, match=r"has no Conv\(.*at 3x16x16; measure the network first"):
        table.estimate(plan(size=16))
    table.measure(table.missing(plan(size=16)))
    assert table.estimate(plan(size=16)) > 0
    assert len(table) == 4 + 3


def test_composed_blocks_are_measured_by_their_parts() -> None:
    @dataclass(frozen=True)
    class Twice(Keeps):
        part: Layer

        def build(self) -> nn.Module:
            return nn.Sequential(self.part.build(), self.part.build())

        def operators(self, shape: Shape) -> Iterator[tuple[Layer, Shape]]:
            yield self.part, shape
            yield self.part, shape

    twice = NetworkPlan(SHAPE, (Block("twice", "", Twice(ReLU())),))
    assert set_times(measured(twice), [3.0]).estimate(twice) == 6.0


def test_estimates_stay_right_when_more_blocks_were_seen_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_table, "REMEMBERED", 2)
    table = set_times(measured(plan()), [1.0, 10.0, 100.0, 1000.0])
    assert [table.estimate(plan()) for _ in range(3)] == [1121.0] * 3


def test_much_more_work_takes_longer() -> None:
    table = measured(plan(4, 8), plan(64, 64))
    assert table.estimate(plan(64, 64)) > 3 * table.estimate(plan(4, 8))


def test_times_are_those_of_batches() -> None:
    conv = Conv(16, 16, 3)
    (one,), (many,) = (operator_latencies([(conv, Shape(16, 32, 32))], batch) for batch in (1, 32))
    assert many > 3 * one


def test_every_operator_takes_turns_and_randomness_is_left_alone() -> None:
    calls: list[str] = []

    class Named(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, x: Tensor) -> Tensor:
            calls.append(self.name)
            return x

    @dataclass(frozen=True)
    class Step(Keeps):
        name: str

        def build(self) -> nn.Module:
            torch.rand(1)
            return Named(self.name)

    state = torch.get_rng_state()
    operator_latencies([(Step(name), SHAPE) for name in "abc"])
    assert torch.equal(torch.get_rng_state(), state)
    timed = calls[-27:]
    rounds = [timed[i : i + 3] for i in range(0, 27, 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1


def test_a_snapshot_through_json_estimates_the_same() -> None:
    table = measured(plan())
    again = LatencyTable.from_snapshot(plain(table))
    assert again.estimate(plan()) == table.estimate(plan())
    assert again.snapshot() == table.snapshot()
    assert again.path is None


@pytest.mark.parametrize("snapshot", [None, {}, {"format": 2}, [1]])
def test_what_is_no_snapshot_is_refused(snapshot: object) -> None:
    with pytest.raises(CoernasError, match="not a latency table"):
        LatencyTable.from_snapshot(snapshot)


@pytest.mark.parametrize("ms", [0, -1.0, "fast", float("nan")])
def test_impossible_times_are_refused(ms: object) -> None:
    snapshot = plain(measured(plan()))
    snapshot["entries"][0]["ms"] = ms
    with pytest.raises(CoernasError, match="not a latency table"):
        LatencyTable.from_snapshot(snapshot)


def test_another_machines_table_estimates_but_is_not_extended() -> None:
    snapshot = measured(plan()).snapshot() | {"device": "abacus"}
    table = LatencyTable.from_snapshot(snapshot)
    assert table.estimate(plan()) > 0
    assert table.measure([plan()]) == 0
    with pytest.raises(CoernasError, match=r"is of 'abacus'.*cannot be measured on"):
        table.measure([plan(8)])


def test_a_kept_table_is_found_again(tmp_path: Path) -> None:
    table = LatencyTable.open(directory=tmp_path / "deep" / "er")
    assert len(table) == 0
    table.measure([plan()])
    table.save()
    again = LatencyTable.open(directory=tmp_path / "deep" / "er")
    assert again.snapshot() == table.snapshot()
    assert sorted(path.suffix for path in (tmp_path / "deep" / "er").iterdir()) == [".json", ".lock"]
    mask = os.umask(0)
    os.umask(mask)
    assert table.path is not None
    assert table.path.stat().st_mode & 0o777 == 0o666 & ~mask
    for threads, batch in ((2, 1), (1, 2)):
        other = LatencyTable.open(threads, batch, directory=tmp_path / "deep" / "er")
        assert len(other) == 0
        assert other.path != table.path


def test_saving_keeps_what_another_process_measured(tmp_path: Path) -> None:
    one, two = (LatencyTable.open(directory=tmp_path) for _ in range(2))
    one.measure([plan(4)])
    two.measure([plan(8)])
    one.save()
    two.save()
    again = LatencyTable.open(directory=tmp_path)
    assert again.missing(plan(4)) == again.missing(plan(8)) == []
    assert again.estimate(plan(4)) == one.estimate(plan(4))


def add_ten(directory: Path, number: int) -> None:
    for width in range(10):
        table = LatencyTable.open(directory=directory)
        table._entries[_Key(f"operator {number} {width}", Shape(1, 2, 3))] = 1.0
        table.save()


def test_nothing_is_lost_where_processes_save_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_ten, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(LatencyTable.open(directory=tmp_path)) == 30


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"format": 1}', b"[]"])
def test_a_broken_file_is_named_and_replaced(tmp_path: Path, content: bytes) -> None:
    path = LatencyTable.open(directory=tmp_path).path
    assert path is not None
    path.write_bytes(content)
    with pytest.warns(LatencyTableWarning, match="is not the latency table of this machine"):
        table = LatencyTable.open(directory=tmp_path)
    assert len(table) == 0
    table.measure([plan()])
    with pytest.warns(LatencyTableWarning):
        table.save()
    assert LatencyTable.open(directory=tmp_path).snapshot() == table.snapshot()


def test_a_foreign_file_is_not_believed(tmp_path: Path) -> None:
    path = LatencyTable.open(directory=tmp_path).path
    assert path is not None
    path.write_text(json.dumps(measured(plan()).snapshot() | {"device": "abacus"}))
    with pytest.warns(LatencyTableWarning, match="it is of 'abacus'"):
        assert len(LatencyTable.open(directory=tmp_path)) == 0


def test_an_unwritable_directory_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    table = LatencyTable.open(directory=tmp_path / "file")
    table.measure([plan()])
    with pytest.warns(LatencyTableWarning, match="cannot be kept"):
        table.save()
    assert table.estimate(plan()) > 0


def test_the_cache_directory_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("COERNAS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == Path("/home/ada/.cache/coernas-moo/latency")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_directory() == Path("/xdg/coernas-moo/latency")
    monkeypatch.setenv("COERNAS_CACHE", "~/own")
    assert cache_directory() == Path("/home/ada/own/coernas-moo/latency")


@pytest.mark.parametrize(
    "settings",
    [
        SeparableSettings(stages=2, max_depth=2, units=("conv3", "sep3"), pools=("max", "avg")),
        NASBench201Settings(cells=1, options=("none", "skip_connect", "avg_pool_3x3")),
    ],
)
def test_random_networks_show_every_operator_of_a_space(settings: SpaceSettings) -> None:
    space = settings.build(SHAPE, 10)
    everything = {
        (repr(layer), shape)
        for genotype in itertools.product(*map(range, space.cardinalities.tolist()))
        for layer, shape in space.plan(space.canonical(genotype)).operators()
    }
    found = [(repr(layer), shape) for layer, shape in space_operators(space)]
    assert len(found) == len(set(found))
    assert set(found) == everything
