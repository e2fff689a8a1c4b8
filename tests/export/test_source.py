"""The written Python computes what the network computes, and reads as if a person had written it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from coernas_moo.errors import ExportError
from coernas_moo.export.source import writer as writer_module
from coernas_moo.export.source.network import NetworkSource, network_source
from coernas_moo.export.source.text import class_name, docstring
from coernas_moo.export.source.widths import width_names
from coernas_moo.export.source.writer import Place, SourceWriter, layer_source
from coernas_moo.networks.cell import EDGES, OPERATIONS, Cell
from coernas_moo.networks.init import he_init
from coernas_moo.networks.known import BASELINES
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Keeps, Layer, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.networks.pools import POOLS
from coernas_moo.networks.units import UNITS
from coernas_moo.spaces.nasbench201 import NASBench201
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

SEPARABLE = SeparableSpace(
    Shape(3, 13, 18), 4, SeparableSettings(stages=3, base_width=4, width_multipliers=(1.0, 2.0), max_depth=3)
)
CELLS = NASBench201(Shape(1, 9, 8), 3, channels=4, cells=3)


def module_text(source: NetworkSource) -> str:
    head = ["from __future__ import annotations", "", *source.imports]
    head += ["import torch"] * source.uses("torch") + ["import torch.nn.functional as F"] * source.uses("F")
    return "\n".join([*head, "from torch import Tensor, nn"]) + "\n\n\n" + "\n\n\n".join(source.classes) + "\n"


def written(plan: NetworkPlan) -> str:
    return module_text(network_source(plan, '"""A network."""'))


def assert_computes_the_same(plan: NetworkPlan, text: str) -> None:
    network = plan.build()
    he_init(network, torch.Generator().manual_seed(0))
    namespace: dict[str, object] = {"__name__": "written"}
    exec(compile(text, "written.py", "exec"), namespace)
    other = namespace["Network"]()  # type: ignore[operator]
    own = network.state_dict()
    assert [tensor.shape for tensor in own.values()] == [tensor.shape for tensor in other.state_dict().values()]
    other.load_state_dict(dict(zip(other.state_dict(), own.values(), strict=True)))
    images = torch.randn(3, *plan.input_shape, generator=torch.Generator().manual_seed(1))
    # Training mode keeps activations of order one, whatever the depth.
    torch.testing.assert_close(other.train()(images), network.train()(images), rtol=1e-3, atol=1e-3)


def chain_plan(*layers: Layer, shape: Shape | None = None, label: str = "layer") -> NetworkPlan:
    """The layers one after the other, a block each."""
    blocks = tuple(Block(f"part{position}", label, layer) for position, layer in enumerate(layers))
    return NetworkPlan(shape or Shape(4, 6, 6), blocks)


@pytest.mark.parametrize("name", UNITS.names())
def test_every_unit_of_the_registry_is_written(name: str) -> None:
    unit = UNITS[name]
    plan = chain_plan(unit(4, 4), unit(4, 8), unit(8, 8), unit(8, 3), unit(3, 1), unit(1, 6), label=unit.label)
    text = written(plan)
    assert_computes_the_same(plan, text)
    assert text.count("class ") <= 3, "one unit, at most one class for it, one for a width of one, and the network"


@pytest.mark.parametrize("name", POOLS.names())
def test_every_pool_of_the_registry_is_written(name: str) -> None:
    plan = chain_plan(POOLS[name](4), POOLS[name](4), shape=Shape(4, 7, 5))
    assert_computes_the_same(plan, written(plan))


@pytest.mark.parametrize("name", list(BASELINES))
@pytest.mark.parametrize("side", [16, 64])
def test_every_well_known_network_is_written(name: str, side: int) -> None:
    plan = BASELINES[name](Shape(1, side, side), 5)
    text = written(plan)
    assert_computes_the_same(plan, text)
    assert len(text.splitlines()) < 120


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_network_of_the_separable_space(seed: int) -> None:
    (genotype,) = SEPARABLE.sample(1, np.random.default_rng(seed))
    plan = SEPARABLE.plan(genotype)
    assert_computes_the_same(plan, written(plan))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(OPERATIONS), min_size=len(EDGES), max_size=len(EDGES)))
def test_any_cell(operations: list[str]) -> None:
    plan = CELLS.plan(CELLS.encode(dict(zip(CELLS.genes, operations, strict=True))))
    assert_computes_the_same(plan, written(plan))


def test_networks_read_as_if_by_hand(tmp_path: Path) -> None:
    """What a formatter and a linter would change in written modules: nothing."""
    rng = np.random.default_rng(3)
    for number, space in enumerate([SEPARABLE, CELLS] * 4):
        text = written(space.plan(space.canonical(space.sample(1, rng)[0])))
        (tmp_path / f"network{number}.py").write_text(text, encoding="utf-8")
    (tmp_path / "ruff.toml").write_text("line-length = 120\n", encoding="utf-8")
    for arguments in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP,SIM,C4,PIE,RET"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout


def test_units_that_differ_in_sizes_share_a_class() -> None:
    space = SeparableSpace(Shape(1, 32, 32), 10, SeparableSettings(stages=2))
    plan = space.plan(space.from_text("conv3,conv5,dil3:max/mb3k3,mb6k5,conv3:max"))
    text = written(plan)
    assert re.findall(r"^class (\w+)", text, re.MULTILINE) == ["Convolution", "InvertedBottleneck", "Network"]
    for line in (
        "self.stem = Convolution(1, 16, kernel=3)",
        "            Convolution(16, 16, kernel=3, dilation=2),",
        "            InvertedBottleneck(16, 32, expansion=3, kernel=3),",
        "        hidden = expansion * in_channels",
        "        x = self.stage1(x)  # 16x16x16",
        "        x = x.mean(dim=(2, 3))  # 32",
        "        return self.head(x)",
    ):
        assert line in text
    assert_computes_the_same(plan, text)


def test_the_dead_parts_of_a_cell_are_no_lines_of_its_sum() -> None:
    cell = Cell(4, ("nor_conv_3x3", "none", "none", "skip_connect", "none", "none"))
    text = written(chain_plan(cell))
    assert "        return x\n" in text
    assert "node1" not in text
    empty = written(chain_plan(Cell(4, ("none",) * 6)))
    assert "return torch.zeros_like(x)" in empty
    assert_computes_the_same(chain_plan(Cell(4, ("none",) * 6)), empty)


@pytest.mark.parametrize(
    "layers",
    [
        (Chain((Conv(4, 4, 3),), shortcut=True), Chain((Conv(4, 4, 3),)), Chain((Conv(4, 8, 3),))),
        (
            Chain((Conv(4, 4, 3), BatchNorm(4), ReLU()), shortcut=True),
            Chain((Conv(4, 4, 3), BatchNorm(4)), shortcut=True, after=(ReLU(),)),
        ),
        (Chain((Conv(4, 6, 3, stride=2, groups=2), Chain((BatchNorm(6), ReLU()))), after=(Conv(6, 6, 1), ReLU())),),
        (
            Chain((Conv(4, 4, 3), Chain((Conv(4, 4, 1),), shortcut=True)), shortcut=True, after=(BatchNorm(4), ReLU())),
            Chain((Conv(4, 4, 1),), shortcut=True),
        ),
        (Chain((), shortcut=True), Chain(()), Chain((Conv(4, 2, 1),))),
        (Chain((POOLS["blur"](4), Conv(4, 8, 1), POOLS["l2"](8), ReLU())),),
        (Chain((Conv(4, 12, 1), Conv(12, 5, 3), Conv(5, 7, 1))), Chain((Conv(7, 9, 1), Conv(9, 5, 5), Conv(5, 7, 3)))),
        (
            Chain((Conv(4, 4, 3, dilation=3), Conv(4, 4, 5, dilation=2)), shortcut=True),
            Chain((Conv(4, 4, 3), Conv(4, 4, 3)), shortcut=True),
        ),
        (GlobalAveragePool(), Linear(4, 3)),
        (Chain((GlobalAveragePool(), Linear(4, 5), ReLU(), Linear(5, 2))),),
        (),
    ],
)
def test_chains_of_any_kind(layers: tuple[Layer, ...]) -> None:
    plan = chain_plan(*layers)
    assert_computes_the_same(plan, written(plan))


def test_block_names_become_attributes_whatever_they_are() -> None:
    names = ("forward", "class", "2nd", "a-b.x", "a_b.y", "train")
    plan = NetworkPlan(Shape(4, 6, 6), tuple(Block(name, "conv", Conv(4, 4, 3)) for name in names))
    text = written(plan)
    assert re.findall(r"self\.(\w+) = ", text) == ["forward_", "class_", "_2nd", "a_b", "a_b_", "train_"]


@dataclass(frozen=True)
class Swish(Keeps):
    """A layer that torch has a module for, and this package none."""

    def build(self) -> nn.Module:
        return nn.Sequential(nn.SiLU(), nn.PReLU(num_parameters=4), nn.Dropout2d(p=0.0))

    def params(self) -> int:
        return 4


SLOPE = 0.5


def squashed(x: Tensor) -> Tensor:
    return torch.tanh(x) * SLOPE


class SqueezeModule(nn.Module):
    """Channels weighted by their means (Hu et al. 2018)."""

    def __init__(self, channels: int, ratio: int = 2, bias: bool = True) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // ratio, bias=bias)
        self.excite = nn.Linear(channels // ratio, channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(squashed(self.squeeze(x.mean((2, 3))))))
        return x * weights[:, :, None, None]


@dataclass(frozen=True)
class Squeeze(Keeps):
    channels: int
    ratio: int = 2

    def params(self) -> int:
        hidden = self.channels // self.ratio
        return 2 * self.channels * hidden + hidden + self.channels

    def build(self) -> nn.Module:
        return SqueezeModule(self.channels, self.ratio)


class Forgetful(nn.Module):
    def __init__(self, secret: float) -> None:
        super().__init__()
        self._factor = secret

    def forward(self, x: Tensor) -> Tensor:
        return x * self._factor


@dataclass(frozen=True)
class Forgotten(Keeps):
    def build(self) -> nn.Module:
        return Forgetful(0.5)


def test_layers_of_torch_and_of_the_user_are_written_from_their_modules() -> None:
    chain = Chain((Conv(4, 4, 3), Squeeze(4), ReLU()), shortcut=True)
    plan = chain_plan(Swish(), Squeeze(4), Squeeze(4, ratio=4), chain)
    text = written(plan)
    assert_computes_the_same(plan, text)
    assert "SLOPE = 0.5" in text
    assert text.count("class SqueezeModule") == text.count("def squashed") == 1
    assert "SqueezeModule(4, ratio=4)" in text
    assert "coernas_moo" not in text


def test_what_cannot_be_written_says_what_to_do() -> None:
    with pytest.raises(ExportError, match=r"Forgotten\(\) cannot be written.*keep its argument 'secret'.*layer_source"):
        written(chain_plan(Forgotten()))


def test_how_a_layer_is_written_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_SOURCES", dict(writer_module._SOURCES))

    @layer_source(Forgotten)
    def forgotten(_layer: Forgotten, place: Place, _writer: SourceWriter) -> str:
        assert place.shape == Shape(4, 6, 6)
        return "nn.Identity()"

    assert "self.part0 = nn.Identity()" in written(chain_plan(Forgotten()))
    with pytest.raises(ExportError, match="Forgotten is written as Python is registered already"):
        layer_source(Forgotten)(forgotten)


@given(st.text(max_size=200))
def test_docstrings_survive_any_text(text: str) -> None:
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    assert eval(docstring(text)).split() == kept.replace('"""', "'''").split()


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_class_names_are_identifiers(labels: list[str]) -> None:
    assert class_name(labels).isidentifier()


@given(
    st.lists(st.lists(st.integers(1, 64), min_size=4, max_size=4), min_size=1, max_size=4),
)
def test_names_of_widths_stand_for_the_widths(uses: list[list[int]]) -> None:
    names = width_names(uses, one_width=False)
    for position, widths in enumerate(uses):
        values = {name: numbers[position] for name, numbers in names.parameters.items()}
        for assignment in names.assignments:
            exec(assignment, {}, values)
        assert [values[name] for name in names.names] == widths
