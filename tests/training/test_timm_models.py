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
from commands import THREAD, good
from PIL import Image
from torch import Tensor, nn

from coernas_moo.benchmarks.pipeline.published import RIVALS
from coernas_moo.errors import ModelError
from coernas_moo.export import trained_model
from coernas_moo.networks.layers import Shape
from coernas_moo.training.assess import counted_macs
from coernas_moo.training.timm_models import timm_module

STAND_IN = """
from torch import nn
__version__ = "1.0.0"

def list_models(pattern="*"):
    import fnmatch
    names = ("tiny_conv", "tiny_vit", "tiny_224", "tiny_fixed")
    return [name for name in names if fnmatch.fnmatch(name, pattern)]

def get_pretrained_cfg(name):
    import types
    return types.SimpleNamespace(input_size=(3, 8, 10)) if name == "tiny_fixed" else None

def create_model(name, pretrained, in_chans, num_classes, **more):
    assert not pretrained
    if name == "tiny_vit":
        height, width = more["img_size"]
        return nn.Sequential(nn.Flatten(), nn.Linear(in_chans * height * width, num_classes))
    if more:
        raise TypeError("unexpected keyword argument 'img_size'")
    if name == "tiny_224":
        raise ValueError("only 224")
    if name == "tiny_fixed":
        return nn.Sequential(nn.Flatten(), nn.Linear(in_chans * 8 * 10, num_classes))
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
    assert module.training
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
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tiny", "timm:tiny_conv, timm:tiny_vit"),
        ("tiny_vit.a1_in1k", r"timm:tiny_vit\?"),
        ("tinny_vit", r"timm:tiny_vit\b"),
    ],
)
def test_no_such_model(name: str, meant: str) -> None:
    with pytest.raises(ModelError, match=rf"timm 1\.0\.0 has no model '{name}'; did you mean {meant}"):
        timm_module(f"timm:{name}", Shape(2, 6, 8), 3)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny_224", "ValueError: only 224; set data.size to a size it takes$"),
        ("tiny_fixed", "RuntimeError: .*; set data.size to a size it takes, such as timm's own 8x10$"),
    ],
)
def test_a_size_it_cannot_take(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"timm:{name} cannot take images of 2x6x8: {message}"):
        timm_module(f"timm:{name}", Shape(2, 6, 8), 3)


def test_an_installation_that_is_broken(stand_in: Path) -> None:
    stand_in.write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    with pytest.raises(ModelError, match="cannot be imported: RuntimeError: operator torchvision::nms"):
        timm_module("timm:tiny_conv", Shape(2, 6, 8), 3)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coernas_moo.training.timm_models.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"timm is not installed; install it with: pip install 'coernas-moo\[timm\]'"):
        timm_module("timm:resnet18", Shape(2, 6, 8), 3)


def train_digits(model: str, out: Path) -> Path:
    good("train", "digits", "--model", model, "--epochs", "1", *THREAD, "--batch", "256", "--name", "m", "--out", out)
    return out / "models/m"


@pytest.mark.usefixtures("stand_in")
def test_what_is_kept_says_what_it_costs_and_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coernas_moo.training.timm_models.version", lambda package: f"{package} 1.0.0")
    model = train_digits("timm:tiny_conv", tmp_path)
    assert json.loads((model / "model.json").read_text())["versions"]["timm"] == "timm 1.0.0"
    macs = 9 * 10 * 6 * 6
    assert json.loads((model / "metrics.json").read_text())["macs"] == macs
    assert trained_model(model).description.macs == macs


@pytest.fixture
def real() -> Any:
    """timm itself, where it is installed and, with the torchvision beside it, imports."""
    try:
        return import_module("timm")
    except Exception as error:  # noqa: BLE001 - a torchvision that does not fit torch raises RuntimeError
        pytest.skip(f"timm cannot be imported here: {error}")


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("name", list(filter(None, RIVALS.values())))
@pytest.mark.parametrize("shape", [Shape(1, 224, 224), Shape(3, 224, 224)], ids=str)
def test_the_publications_rivals_are_in_timm(name: str, shape: Shape) -> None:
    timm_module(name, shape, 5)


@pytest.mark.usefixtures("real")
def test_a_real_network_is_trained_exported_and_used(tmp_path: Path) -> None:
    model = train_digits("timm:mobilenetv3_small_050", tmp_path)
    assert json.loads((model / "metrics.json").read_text())["params"] > 500_000
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    good("export", model, "--to", tmp_path / "m.onnx")
    Image.new("L", (8, 8), 100).save(tmp_path / "image.png")
    (found,) = json.loads(good("predict", tmp_path / "m.onnx", tmp_path / "image.png", "--json").stdout)["images"]
    assert found["class"] in "0123456789"
