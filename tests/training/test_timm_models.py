"""The optional extra, with a stand-in for timm: what it is asked for, and what is said where it is missing or fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from PIL import Image
from torch import Tensor, nn

from coernas_moo.benchmarks.pipeline.published import RIVALS
from coernas_moo.errors import ModelError
from coernas_moo.networks.layers import Shape
from coernas_moo.training.assess import counted_macs
from coernas_moo.training.timm_models import timm_module

STAND_IN = """
from torch import nn
__version__ = "1.0.0"

def list_models(pattern="*"):
    import fnmatch
    return [name for name in ("tiny_conv", "tiny_vit", "tiny_224") if fnmatch.fnmatch(name, pattern)]

def create_model(name, pretrained, in_chans, num_classes, **more):
    assert not pretrained
    if name == "tiny_vit":
        height, width = more["img_size"]
        return nn.Sequential(nn.Flatten(), nn.Linear(in_chans * height * width, num_classes))
    if more:
        raise TypeError("unexpected keyword argument 'img_size'")
    if name == "tiny_224":
        raise ValueError("only 224")
    return nn.Sequential(nn.Conv2d(in_chans, num_classes, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "timm.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    yield tmp_path / "timm.py"
    sys.modules.pop("timm", None)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("name", ["timm:tiny_conv", "timm:tiny_vit"])
def test_networks_take_the_images(name: str) -> None:
    module = timm_module(name, Shape(2, 6, 8), 3)
    assert module(torch.zeros(4, 2, 6, 8)).shape == (4, 3)
    expected = 2 * 9 * 3 * 4 * 6 if name == "timm:tiny_conv" else 2 * 6 * 8 * 3
    assert counted_macs(module, Shape(2, 6, 8)) == expected


class Attention(nn.Module):
    """Every position looks at every other one."""

    def forward(self, images: Tensor) -> Tensor:
        positions = images.flatten(2).transpose(1, 2).unsqueeze(1)
        return F.scaled_dot_product_attention(positions, positions, positions)


def test_attention_is_counted() -> None:
    assert counted_macs(Attention(), Shape(8, 4, 6)) == 2 * 24 * 24 * 8


@pytest.mark.usefixtures("stand_in")
def test_no_such_model() -> None:
    with pytest.raises(ModelError, match=r"has no model 'tiny'; did you mean timm:tiny_conv, timm:tiny_vit"):
        timm_module("timm:tiny", Shape(2, 6, 8), 3)


@pytest.mark.usefixtures("stand_in")
def test_a_size_it_cannot_take() -> None:
    with pytest.raises(ModelError, match=r"cannot be built for images of 2x6x8: ValueError: only 224; set data.size"):
        timm_module("timm:tiny_224", Shape(2, 6, 8), 3)


def test_an_installation_that_is_broken(stand_in: Path) -> None:
    stand_in.write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    with pytest.raises(ModelError, match="cannot be imported: RuntimeError: operator torchvision::nms"):
        timm_module("timm:tiny_conv", Shape(2, 6, 8), 3)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coernas_moo.training.timm_models.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"timm is not installed; install it with: pip install 'coernas-moo\[timm\]'"):
        timm_module("timm:resnet18", Shape(2, 6, 8), 3)


@pytest.fixture
def real() -> Any:
    """timm itself, where it is installed and, with the torchvision beside it, imports."""
    try:
        return import_module("timm")
    except Exception as error:  # noqa: BLE001 - a torchvision that does not fit torch raises RuntimeError
        pytest.skip(f"timm cannot be imported here: {error}")


def test_the_publications_rivals_are_in_timm(real: Any) -> None:
    known = set(real.list_models())
    for name in filter(None, RIVALS.values()):
        assert name.removeprefix("timm:") in known


@pytest.mark.usefixtures("real")
def test_a_real_network_is_trained_exported_and_used(tmp_path: Path) -> None:
    def coernas(*arguments: str | Path) -> str:
        result = CliRunner().invoke(cli, [str(word) for word in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    coernas("train", "digits", "--model", "timm:mobilenetv3_small_050", "--epochs", "1", "--threads", "1",
            "--name", "m", "--out", tmp_path, "--set", "train.batch=256")  # fmt: skip
    assert json.loads((tmp_path / "models/m/metrics.json").read_text())["params"] > 500_000
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    coernas("export", tmp_path / "models/m", "--to", tmp_path / "m.onnx")
    Image.new("L", (8, 8), 100).save(tmp_path / "image.png")
    (found,) = json.loads(coernas("predict", tmp_path / "m.onnx", tmp_path / "image.png", "--json"))["images"]
    assert found["class"] in "0123456789"
