"""The training loop: it learns, chooses, stops, and goes on bit for bit where it was cut off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coernas_moo.datasets import DigitsSettings
from coernas_moo.errors import ModelError, RunError
from coernas_moo.evaluation.evaluator import available_cores
from coernas_moo.networks.layers import Shape
from coernas_moo.reporting.training_live import TrainingLines
from coernas_moo.training import Epoch, Recipe, TrainingData, TrainingListener, predict, prepare, train
from coernas_moo.training import loop as module
from coernas_moo.training.checkpoint import load_checkpoint
from coernas_moo.training.data import Part
from coernas_moo.training.devices import default_threads
from coernas_moo.training.inference import measures, require_fit

RECIPE = Recipe(epochs=4, batch=16, augment="digits", mixup=0.2, learning_rate=0.01, clip=5.0)


class Net(nn.Sequential):
    """A small network with everything that has a state: weights, statistics, dropout."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2), nn.Dropout(0.1),
            nn.Flatten(), nn.Linear(96, classes),
        )  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> TrainingData:
    """A third of the digits."""
    data = prepare(DigitsSettings().open(Path()), Recipe())

    def third(part: Part) -> Part:
        return Part(part.store, part.rows[::3], part.labels[::3], part.names[::3])

    return TrainingData(third(data.train), data.validation, data.test, data.classes, data.shape, data.mean, data.std)


def assert_equal_states(one: nn.Module, other: nn.Module) -> None:
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


class Stop(TrainingListener):
    """Ends a training as if it were killed after an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == self.after:
            raise SystemExit


class Heard(TrainingListener):
    def __init__(self) -> None:
        self.epochs: list[Epoch] = []
        self.done = -1

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Any, done: int) -> None:
        self.done = done

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


def test_it_learns_and_tells(digits: TrainingData) -> None:
    heard, net = Heard(), Net()
    state = torch.get_rng_state()
    trained = train(net, digits, Recipe(epochs=12, batch=16, augment="none"), threads=1, listener=heard)
    assert torch.equal(state, torch.get_rng_state())
    assert trained.validation["accuracy"] > 0.85
    assert [epoch.epoch for epoch in heard.epochs] == list(range(1, 13))
    assert heard.done == 0
    assert heard.epochs[-1].seconds_left == 0
    assert trained.finished
    assert not trained.module.training
    again = measures(predict(trained.module, digits, digits.validation), digits.validation.labels)
    assert again == pytest.approx(dict(trained.validation))
    best = max(row["validation_accuracy"] for row in trained.history)
    assert trained.validation["accuracy"] == best
    assert trained.history[trained.best_epoch - 1]["validation_accuracy"] == best
    assert 0 < trained.loading_share < 1
    assert trained.images_per_second > 0


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_training_that_is_cut_off_ends_as_one_that_is_not(
    digits: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimiser: Any, ema: float
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    recipe = Recipe(epochs=3, batch=16, augment="digits", mixup=0.2, optimiser=optimiser, ema=ema, learning_rate=0.01)
    whole = train(Net(), digits, recipe, seed=3, threads=1)
    for after in (2, 3):
        with pytest.raises(SystemExit):
            train(Net(), digits, recipe, seed=3, threads=1, directory=tmp_path, listener=Stop(after))
    heard = Heard()
    resumed = train(Net(), digits, recipe, seed=3, directory=tmp_path, listener=heard)
    assert heard.done == 2
    assert_equal_states(whole.module, resumed.module)
    assert resumed.best_epoch == whole.best_epoch
    for ours, theirs in zip(resumed.history, whole.history, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    for name in ("best.pt", "last.pt"):
        assert load_checkpoint(tmp_path / name)["epoch"] in (whole.best_epoch, 3)


def test_what_is_finished_is_given_back(digits: TrainingData, tmp_path: Path) -> None:
    first = train(Net(), digits, RECIPE, directory=tmp_path, threads=1)
    (tmp_path / "best.pt").write_bytes(b"damaged")
    heard = Heard()
    second = train(Net(), digits, RECIPE, directory=tmp_path, listener=heard)
    assert not heard.epochs
    assert second.images_per_second == first.images_per_second > 0
    assert second.loading_share == first.loading_share > 0
    assert_equal_states(first.module, second.module)
    assert load_checkpoint(tmp_path / "best.pt")["epoch"] == first.best_epoch


def test_until_stops_on_the_way(digits: TrainingData, tmp_path: Path) -> None:
    whole = train(Net(), digits, RECIPE, threads=1)
    part = train(Net(), digits, RECIPE, directory=tmp_path, until=2, threads=1)
    assert (part.epochs, part.finished) == (2, False)
    rest = train(Net(), digits, RECIPE, directory=tmp_path)
    assert rest.finished
    assert_equal_states(whole.module, rest.module)


def test_more_epochs_than_before(digits: TrainingData, tmp_path: Path) -> None:
    train(Net(), digits, Recipe(epochs=1, batch=16), directory=tmp_path, threads=1)
    more = train(Net(), digits, Recipe(epochs=3, batch=16), directory=tmp_path)
    assert (more.epochs, len(more.history)) == (3, 3)


def test_seeds_differ_and_repeat(digits: TrainingData) -> None:
    recipe = Recipe(epochs=1, batch=64)
    one, same, other = (train(Net(), digits, recipe, seed=seed, threads=1).module for seed in (1, 1, 2))
    assert_equal_states(one, same)
    assert not torch.equal(one.state_dict()["0.weight"], other.state_dict()["0.weight"])


def test_weights_can_be_kept(digits: TrainingData) -> None:
    net = Net()
    before = net[6].weight.detach().clone()
    trained = train(
        net, digits, Recipe(epochs=1, learning_rate=1e-9, ema=0.0, weight_decay=0.0), initialise=False, threads=1
    )
    assert torch.allclose(trained.module.get_parameter("6.weight"), before, atol=1e-6)


def test_early_stopping(digits: TrainingData) -> None:
    lines: list[str] = []
    listener = TrainingLines(lines.append, print)
    recipe = Recipe(epochs=200, patience=2, learning_rate=1e-9, ema=0.0)
    trained = train(Net(), digits, recipe, threads=1, listener=listener)
    assert lines[-1].startswith(f"stopped after epoch {trained.epochs}: nothing has been better than epoch ")
    assert trained.epochs < 200
    assert trained.epochs == trained.best_epoch + 2
    assert trained.finished


@pytest.mark.parametrize(("select", "sign"), [("loss", -1), ("f1", 1), ("kappa", 1), ("accuracy", 1)])
def test_the_epoch_is_chosen_by_what_the_recipe_says(digits: TrainingData, select: Any, sign: int) -> None:
    trained = train(Net(), digits, Recipe(epochs=5, select=select, learning_rate=0.02, ema=0.0), threads=1)
    values = [sign * row[f"validation_{select}"] for row in trained.history]
    assert values[trained.best_epoch - 1] == max(values)


def test_the_last_epoch_or_no_validation(digits: TrainingData) -> None:
    assert train(Net(), digits, Recipe(epochs=3, select="last"), threads=1).best_epoch == 3
    none = Part(digits.train.store, digits.train.rows[:0], digits.train.labels[:0], ())
    blind = TrainingData(digits.train, none, digits.test, digits.classes, digits.shape, digits.mean, digits.std)
    trained = train(Net(), blind, Recipe(epochs=2, patience=1), threads=1)
    assert (trained.best_epoch, trained.epochs, trained.validation) == (2, 2, {})


def test_no_batch_has_one_image(digits: TrainingData) -> None:
    sizes: list[int] = []

    class Counts(Net):
        def forward(self, input: Tensor) -> Tensor:
            if self.training:
                sizes.append(len(input))
            return super().forward(input)

    few = Part(digits.train.store, digits.train.rows[:5], digits.train.labels[:5], digits.train.names[:5])
    data = TrainingData(few, digits.validation, digits.test, digits.classes, digits.shape, digits.mean, digits.std)
    train(Counts(), data, Recipe(epochs=2, batch=2), threads=1)
    assert sizes == [3, 2, 3, 2]


def test_a_loss_that_explodes_is_told(digits: TrainingData) -> None:
    with pytest.raises(ModelError, match=r"the loss is no longer finite in epoch \d+; begin anew .* than 1e\+30"):
        train(Net(), digits, Recipe(epochs=9, optimiser="sgd", learning_rate=1e30, ema=0.0), threads=1)


@pytest.mark.parametrize(("validation_share", "what"), [(0.1, "loss on the validation part is"), (0.0, "weights are")])
def test_weights_that_explode_in_the_last_step_are_told(
    digits: TrainingData, monkeypatch: pytest.MonkeyPatch, validation_share: float, what: str
) -> None:
    net = Net()
    number = float("nan") if what == "weights are" else 3e38

    def explode(training: module._Training, rng: np.random.Generator, clock: object) -> tuple[float, float]:
        with torch.no_grad():
            for weight in training.state.judged.parameters():
                weight.fill_(number)
        return 1.0, 0.1

    monkeypatch.setattr(module._Training, "_steps", explode)
    data = digits if validation_share else replace(digits, validation=part_of(digits.validation, 0))
    with pytest.raises(ModelError, match=f"the {what} no longer finite in epoch 1"):
        train(net, data, Recipe(epochs=2), threads=1)


def part_of(part: Part, count: int) -> Part:
    return Part(part.store, part.rows[:count], part.labels[:count], part.names[:count])


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("", None), ("0", None), ("two", None)])
def test_threads_are_those_that_the_environment_asks_for(
    monkeypatch: pytest.MonkeyPatch, asked: str, expected: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert default_threads() == (expected or available_cores())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": Recipe(epochs=4, batch=32)}, "train.batch was 16, is 32"),
        ({"seed": 1}, "the seed was 0, is 1"),
        ({"net": 9}, "another architecture: 6"),
    ],
)
def test_a_checkpoint_of_something_else(
    digits: TrainingData, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    recipe = Recipe(epochs=4, batch=16)
    train(Net(), digits, recipe, directory=tmp_path, until=1, threads=1)
    before = (tmp_path / "last.pt").read_bytes()
    wide = nn.Sequential(*list(Net())[:6], nn.Linear(96, 10, bias=False)) if "net" in change else Net()
    with pytest.raises(ModelError, match=message):
        train(wide, digits, change.get("recipe", recipe), seed=change.get("seed", 0), directory=tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_a_checkpoint_of_other_images(digits: TrainingData, tmp_path: Path) -> None:
    train(Net(), digits, RECIPE, directory=tmp_path, until=1, threads=1)
    swapped = TrainingData(
        digits.validation, digits.train, digits.test, digits.classes, digits.shape, digits.mean, digits.std
    )
    with pytest.raises(ModelError, match="images have been added, removed, or are divided otherwise"):
        train(Net(), swapped, RECIPE, directory=tmp_path)


def test_a_checkpoint_from_before_speed_was_kept(digits: TrainingData, tmp_path: Path) -> None:
    train(Net(), digits, RECIPE, directory=tmp_path, threads=1)
    content = load_checkpoint(tmp_path / "last.pt")
    del content["clock"]
    torch.save(content, tmp_path / "last.pt")
    assert train(Net(), digits, RECIPE, directory=tmp_path).images_per_second == 0


def test_a_checkpoint_that_lacks_something(digits: TrainingData, tmp_path: Path) -> None:
    train(Net(), digits, RECIPE, directory=tmp_path, until=1, threads=1)
    content = load_checkpoint(tmp_path / "last.pt")
    del content["optimiser"]
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(ModelError, match="not a checkpoint to go on from"):
        train(Net(), digits, RECIPE, directory=tmp_path)


def test_a_disk_that_fills_leaves_the_checkpoint_before(
    digits: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(Net(), digits, RECIPE, directory=tmp_path, until=1, threads=1)
    whole = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        whole(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(RunError, match="No space left on device"):
            train(Net(), digits, RECIPE, directory=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]
    assert load_checkpoint(tmp_path / "last.pt")["epoch"] == 1
    assert_equal_states(
        train(Net(), digits, RECIPE, directory=tmp_path).module, train(Net(), digits, RECIPE, threads=1).module
    )


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 10)), "cannot take images of 1x8x8: RuntimeError"),
        (nn.Conv2d(3, 10, 1), "cannot take images of 1x8x8"),
        (nn.Flatten(), r"answers two images with shape \(2, 64\), not with \(2, 10\)"),
    ],
)
def test_a_network_that_cannot_take_the_images(digits: TrainingData, net: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        train(net, digits, RECIPE, threads=1)


def test_fit_leaves_statistics_alone(digits: TrainingData) -> None:
    net = Net().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    require_fit(net, digits, "net")
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(("device", "message"), [("toaster", "no device 'toaster'"), ("cuda:99", "train on cpu")])
def test_no_such_device(digits: TrainingData, device: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        train(Net(), digits, RECIPE, device=device)


def test_class_scores_are_those_of_every_image_in_order() -> None:
    store = torch.arange(600, dtype=torch.uint8).reshape(600, 1, 1, 1)
    rows = torch.from_numpy(np.random.default_rng(0).permutation(600))
    part = Part(store, rows, torch.zeros(600).long(), tuple(map(str, range(600))))
    data = TrainingData(part, part, part, ("a", "b"), Shape(1, 1, 1), (0.0,), (1.0,))
    found = predict(nn.Flatten(), data, part)
    assert torch.allclose(found, store[rows].flatten(1) / 255)


class Whole(nn.Module):
    """Takes its input apart by what it holds, as attention does, which a batch of no images does not allow."""

    def forward(self, images: Tensor) -> Tensor:
        return images.reshape(len(images), -1, 4).mean(dim=2)


def test_a_part_without_images_has_no_scores(digits: TrainingData) -> None:
    part = digits.validation
    nobody = Part(part.store, part.rows[:0], part.labels[:0], ())
    assert predict(Whole(), digits, nobody).shape == (0, 10)
