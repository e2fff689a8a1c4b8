"""Proxies made of loss gradients, against definitions written out slowly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from coernas_moo.proxies import PROXIES, trace


def weight_names(network: nn.Module) -> list[str]:
    return [f"{name}.weight" for name, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[np.ndarray]:
    network.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    return [network.get_parameter(name).grad.numpy().copy() for name in weight_names(network)]


def test_snip_is_the_gradient_with_respect_to_masks(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    names = weight_names(network)
    masks = {name: torch.ones_like(network.get_parameter(name), requires_grad=True) for name in names}
    masked = {name: network.get_parameter(name).detach() * mask for name, mask in masks.items()}
    F.cross_entropy(functional_call(network, masked, (images,)), labels).backward()
    expected = sum(float(mask.grad.abs().sum()) for mask in masks.values())
    assert PROXIES["snip"](trace(network, images, labels, needs=("weight_gradients",))) == pytest.approx(expected)


def test_grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    expected = sum(math.sqrt(sum(float(g) ** 2 for g in layer.flat)) for layer in gradients(network, images, labels))
    assert PROXIES["grad_norm"](trace(network, images, labels, needs=("weight_gradients",))) == pytest.approx(expected)


def test_grasp_uses_the_explicit_hessian(images: Tensor, labels: Tensor) -> None:
    torch.manual_seed(3)
    network = nn.Sequential(
        *(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    ).double()
    names = weight_names(network)
    shapes = [network.get_parameter(name).shape for name in names]
    flat = torch.cat([network.get_parameter(name).detach().flatten() for name in names])

    def loss(theta: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in shapes])
        weights = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return F.cross_entropy(functional_call(network, weights, (images,)), labels)

    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    expected = -float(flat @ (hessian @ gradient))
    assert abs(expected) > 1e-6
    assert PROXIES["grasp"](network, images, labels) == pytest.approx(expected)


def test_synflow_of_a_chain_is_the_number_of_layers_times_the_flow() -> None:
    torch.manual_seed(4)
    network = nn.Sequential(
        *(nn.Flatten(), nn.Linear(8, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU()),
        *(nn.Linear(5, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False)),
    )
    flow = np.ones(8)
    for layer in (network[1], network[4], network[6]):
        flow = np.abs(layer.weight.detach().double().numpy()) @ flow
    for seed in range(2):
        images = torch.randn(4, 2, 2, 2, generator=torch.Generator().manual_seed(seed))
        value = PROXIES["synflow"](network, images, torch.zeros(4, dtype=torch.int64))
        assert value == pytest.approx(3 * flow.sum(), rel=1e-12)


def test_synflow_of_convolutions(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Each layer's share is a directional derivative, here by finite differences of the flow."""
    weights = {name: p.detach().abs() for name, p in network.named_parameters()}

    def flow(scaled: str = "", factor: float = 1.0) -> float:
        w = {name: value * (factor if name == scaled else 1.0) for name, value in weights.items()}
        x = F.conv2d(torch.ones(1, 2, 6, 6, dtype=torch.float64), w["0.weight"], w["0.bias"], padding=1)
        x = x + F.conv2d(x, w["1.conv.weight"], padding=1)
        x = F.conv2d(x, w["2.conv.weight"], padding=1, stride=2)
        x = x + F.conv2d(x, w["3.conv.weight"], padding=1)
        return float((x.mean(dim=(2, 3)) @ w["7.weight"].T + w["7.bias"]).sum())

    step = 1e-6
    expected = sum((flow(n, 1 + step) - flow(n, 1 - step)) / (2 * step) for n in weight_names(network))
    assert PROXIES["synflow"](network, images, labels) == pytest.approx(expected, rel=1e-6)


def test_grad_sign_counts_images_one_by_one(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    singles = [gradients(network, images[i : i + 1], labels[i : i + 1]) for i in range(len(images))]
    expected = 0.0
    for layer in range(len(singles[0])):
        for position in np.ndindex(singles[0][layer].shape):
            expected += abs(sum(np.sign(single[layer][position]) for single in singles))
    assert PROXIES["grad_sign"](network, images, labels) == expected


def test_zico(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    first, second = gradients(network, images[:3], labels[:3]), gradients(network, images[3:], labels[3:])
    expected = 0.0
    for of_first, of_second in zip(first, second, strict=True):
        ratios = []
        for a, b in zip(of_first.flat, of_second.flat, strict=True):
            deviation = math.sqrt(((a - (a + b) / 2) ** 2 + (b - (a + b) / 2) ** 2) / 2)
            if deviation:
                ratios.append((abs(a) + abs(b)) / 2 / deviation)
        expected += math.log(sum(ratios))
    assert PROXIES["zico"](network, images, labels) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["grad_sign", "zico"])
def test_a_batch_norm_without_statistics_has_no_value(name: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3))
    assert math.isnan(PROXIES[name](network, torch.randn(2, 1, 2, 2), torch.tensor([0, 1])))


def test_weights_without_a_path_count_as_zero(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    before = {name: PROXIES[name](network, images, labels) for name in ("grasp", "synflow", "grad_sign", "zico")}
    network[1].unused = nn.Linear(3, 3).double()
    assert before == {name: PROXIES[name](network, images, labels) for name in before}
