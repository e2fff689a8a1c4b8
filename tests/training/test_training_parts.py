"""Learning rate, optimiser, average and loss, each by itself."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coernas_moo.training.average import MovingAverage
from coernas_moo.training.loss import class_weights, make_loss
from coernas_moo.training.optimiser import learning_rate, make_optimiser
from coernas_moo.training.recipe import Recipe


def test_one_cycle_is_torch_s() -> None:
    recipe = Recipe(schedule="one-cycle", learning_rate=0.1, warmup=0.25)
    steps = 81
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps, pct_start=0.25)
    # torch counts the intervals between steps, so that its rates are ahead by up to one step.
    for step in range(steps):
        assert learning_rate(recipe, step, steps) == pytest.approx(optimiser.param_groups[0]["lr"], abs=0.008)
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_rates_rise_then_fall_and_end_low(schedule: str) -> None:
    recipe = Recipe(schedule=schedule, learning_rate=1.0, warmup=0.2)  # type: ignore[arg-type]
    rates = [learning_rate(recipe, step, 50) for step in range(50)]
    assert max(rates) == pytest.approx(1.0)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_constant_rate_and_no_warm_up() -> None:
    constant = Recipe(schedule="constant", learning_rate=0.5, warmup=0.0)
    assert {learning_rate(constant, step, 9) for step in range(9)} == {0.5}
    assert learning_rate(Recipe(schedule="cosine", warmup=0.0, learning_rate=0.5), 0, 9) == 0.5


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_biases_and_norms_do_not_decay(name: str) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    optimiser = make_optimiser(module, Recipe(optimiser=name, weight_decay=0.5))  # type: ignore[arg-type]
    decays = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    for label, parameter in module.named_parameters():
        expected = 0.5 if label in {"0.weight", "3.weight"} else 0.0
        assert decays[id(parameter)] == expected, label


def test_sgd_without_momentum() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    module = nn.Module()
    module.weight = weight
    optimiser = make_optimiser(module, Recipe(optimiser="sgd", momentum=0.0, weight_decay=0.0, learning_rate=0.5))
    weight.grad = torch.ones(2, 2)
    optimiser.step()
    assert torch.equal(weight.detach(), torch.full((2, 2), 0.5))


def test_average_against_a_loop() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = MovingAverage(module, 0.9)
    expected = {name: value.clone() for name, value in module.state_dict().items()}
    for step in range(30):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter))
        module(torch.randn(4, 2))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value
            else:
                expected[name] = value.clone()
    for name, value in average.module.state_dict().items():
        assert torch.allclose(value.double(), expected[name].double(), atol=1e-5), name
    assert not average.module.training


def test_class_weights_even_out_classes() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    balanced, root = class_weights(labels, 2, "balanced"), class_weights(labels, 2, "sqrt")
    assert balanced is not None
    assert root is not None
    assert float(balanced[1] / balanced[0]) == pytest.approx(9)
    assert float(root[1] / root[0]) == pytest.approx(3)
    for weights in (balanced, root):
        assert float(weights[labels].mean()) == pytest.approx(1)
    assert class_weights(labels, 2, "none") is None
    absent = class_weights(labels, 3, "balanced")
    assert absent is not None
    assert float(absent[labels].mean()) == pytest.approx(1)


def test_loss_with_weights_and_smoothing_against_a_loop() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    recipe = Recipe(label_smoothing=0.2, class_weights="balanced")
    scores = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    weights = class_weights(labels, 2, "balanced")
    assert weights is not None
    total = norm = 0.0
    for row, label in zip(scores, labels.tolist(), strict=True):
        log = F.log_softmax(row, dim=0).tolist()
        targets = [0.1, 0.1]
        targets[label] += 0.8
        total -= sum(float(weights[c]) * targets[c] * log[c] for c in (0, 1))
        norm += float(weights[label])
    found = make_loss(recipe, labels, 2, torch.device("cpu"))(scores, labels)
    assert math.isclose(float(found), total / norm, rel_tol=1e-5)
