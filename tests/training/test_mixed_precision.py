"""What a GPU does in bfloat16, done on the CPU: the same step, only slower."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from coernas_moo.datasets import DigitsSettings
from coernas_moo.training import Recipe, TrainingData, prepare, train
from coernas_moo.training import loop as module
from coernas_moo.training.devices import takes_bfloat16

RECIPE = Recipe(epochs=4, batch=32, augment="digits", mixup=0.2, clip=5.0)


class Net(nn.Sequential):
    def __init__(self) -> None:
        self.seen: set[torch.dtype] = set()
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = super().forward(images)
        if self.training:
            self.seen.add(scores.dtype)
        return scores


@pytest.fixture(scope="module")
def digits() -> TrainingData:
    return prepare(DigitsSettings().open(Path()), RECIPE)


@pytest.mark.parametrize("in_hardware", [True, False])
def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(
    in_hardware: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation or in_hardware

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    assert takes_bfloat16(torch.device("cuda")) == in_hardware
    assert not takes_bfloat16(torch.device("cpu"))


def test_the_cpu_computes_in_float32(digits: TrainingData) -> None:
    net = Net()
    train(net, digits, RECIPE, until=1, threads=1, device="cpu")
    assert net.seen == {torch.float32}


def test_bfloat16_trains_as_well_and_keeps_float32_weights(
    digits: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = train(Net(), digits, RECIPE, threads=1, device="cpu")
    monkeypatch.setattr(module, "takes_bfloat16", lambda device: True)
    net = Net()
    mixed = train(net, digits, RECIPE, threads=1, device="cpu")
    assert net.seen == {torch.bfloat16}
    assert all(value.dtype != torch.bfloat16 for value in mixed.module.state_dict().values())
    assert mixed.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], rel=0.1)
    assert mixed.validation["accuracy"] > plain.validation["accuracy"] - 0.05
    assert plain.validation["accuracy"] > 0.8
    train(Net(), digits, RECIPE, threads=1, device="cpu", directory=tmp_path, until=2)
    resumed = train(Net(), digits, RECIPE, device="cpu", directory=tmp_path)
    for name, value in mixed.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name
