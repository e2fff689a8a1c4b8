"""Proxies made of activations, against definitions written out slowly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.proxies import PROXIES, trace


def relu_inputs(network: nn.Module, images: Tensor) -> list[np.ndarray]:
    """Inputs of every ReLU, one row an image."""
    seen: list[np.ndarray] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().flatten(1).numpy().copy()))
        for module in network.modules()
        if isinstance(module, nn.ReLU)
    ]
    network(images)
    for hook in hooks:
        hook.remove()
    return seen


def test_naswot(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    agreement = np.zeros((6, 6))
    for values in relu_inputs(network, images):
        for i in range(6):
            for j in range(6):
                agreement[i, j] += sum((values[i] > 0) == (values[j] > 0))
    value = PROXIES["naswot"](trace(network, images, labels, needs=("nonlinearity_inputs",)))
    assert value == pytest.approx(np.log(abs(np.linalg.det(agreement))))


def test_naswot_of_equal_images_is_lowest(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    same = images[:1].expand(6, -1, -1, -1)
    assert PROXIES["naswot"](trace(network, same, labels, needs=("nonlinearity_inputs",))) == -math.inf


def test_epads(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    torch.manual_seed(11)
    noisy = images + 0.5 * torch.randn_like(images)
    total = 0
    for values in relu_inputs(network, torch.cat([images, noisy])):
        codes = values > 0
        shuffled = codes[torch.randperm(6).numpy()]
        between = sum(a != b for x, y in zip(codes[:6], shuffled, strict=True) for a, b in zip(x, y, strict=True))
        moved = sum(a != b for x, y in zip(codes[:6], codes[6:], strict=True) for a, b in zip(x, y, strict=True))
        total += int(between) * int(moved)
    assert PROXIES["epads"](network, images, labels, seed=11) == pytest.approx(math.log(total), rel=1e-12)


def effective_rank(matrix: np.ndarray) -> float:
    values = np.linalg.svd(matrix, compute_uv=False)
    p = values[values > 1e-15 * values[0]] / values.sum()
    return float(np.exp(-np.sum(p * np.log(p))))


def test_near_of_few_positions_takes_them_all(labels: Tensor) -> None:
    torch.manual_seed(5)
    network = nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 7)).double()
    images = torch.randn(6, 4, dtype=torch.float64)
    values, expected = images, 0.0
    for layer in network:
        values = layer(values)
        expected += effective_rank(values.detach().numpy())
    assert PROXIES["near"](network, images, labels) == pytest.approx(expected)


def test_near_takes_as_many_positions_as_channels(images: Tensor, labels: Tensor) -> None:
    network = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1)).double()
    lines = network(images).detach().permute(0, 2, 3, 1).reshape(36, 6, 5).numpy()
    positions = lines.reshape(-1, 5)
    possible = [effective_rank(positions[6 * line : 6 * line + 5]) for line in range(36)]
    found = {PROXIES["near"](network, images, labels, seed=seed) for seed in range(8)}
    assert len(found) > 2
    for value in found:
        assert min(abs(value - other) for other in possible) < 1e-9


def test_meco(labels: Tensor) -> None:
    torch.manual_seed(6)
    network = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Sequential(nn.BatchNorm2d(5), nn.ReLU()), nn.AdaptiveAvgPool2d(1))
    network.append(nn.Flatten()).append(nn.Linear(5, 3))
    torch.manual_seed(2)
    torch.randn(1, 2, 6, 6)
    maps = [network[0](torch.randn(1, 2, 64, 64))]
    maps.append(network[1][0](maps[0]))
    maps.append(maps[1].relu())
    maps.append(maps[2])
    expected = sum(
        float(np.linalg.eigvalsh(np.corrcoef(m[0].detach().double().flatten(1).numpy())).min()) for m in maps
    )
    value = PROXIES["meco"](network, torch.zeros(6, 2, 6, 6), labels, seed=2)
    assert value == pytest.approx(expected, rel=1e-5)


def test_meco_falls_back_to_the_size_that_the_network_takes(labels: Tensor) -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 4 * 4, 3))
    value = PROXIES["meco"](network, torch.zeros(6, 2, 6, 6), labels, seed=2)
    torch.manual_seed(2)
    features = network[0](torch.randn(1, 2, 6, 6))[0].detach().double().flatten(1).numpy()
    assert value == pytest.approx(float(np.linalg.eigvalsh(np.corrcoef(features)).min()), rel=1e-5)


def test_meco_falls_back_with_the_statistics_that_norms_had(labels: Tensor) -> None:
    norm, rest = nn.BatchNorm2d(2), [nn.Flatten(), nn.Linear(2 * 6 * 6, 3)]
    norm.running_mean.fill_(0.25)
    norm.running_var.copy_(torch.tensor([4.0, 0.25]))
    network = nn.Sequential(norm, nn.Conv2d(2, 2, 3, padding=1), *rest)
    value = PROXIES["meco"](network, torch.zeros(6, 2, 6, 6), labels, seed=2)
    torch.manual_seed(2)
    image = torch.randn(1, 2, 6, 6)
    maps = [(image - 0.25) / (torch.tensor([4.0, 0.25]).reshape(1, 2, 1, 1) + norm.eps).sqrt()]
    maps.append(network[1](maps[0]))
    smallest = [np.linalg.eigvalsh(np.corrcoef(m[0].detach().double().flatten(1).numpy())).min() for m in maps]
    assert value == pytest.approx(float(sum(smallest)), rel=1e-5)


def test_zen(images: Tensor, labels: Tensor) -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5))
    network.extend([nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)]).double()
    torch.manual_seed(9)
    first, second = torch.empty(4, 2, 3, 3).double().normal_(), torch.empty(5, 4, 3, 3).double().normal_()
    torch.empty(3, 5).double().normal_()
    changed = images + 0.01 * torch.randn_like(images)

    def features(x: Tensor) -> tuple[np.ndarray, float]:
        log_scales = 0.0
        for weight in (first, second):
            x = F.conv2d(x, weight)
            channels = [x[:, c].numpy() for c in range(x.shape[1])]
            variances = np.array([channel.var() for channel in channels])
            log_scales += 0.5 * math.log(variances.mean())
            normal = [(c - c.mean()) / np.sqrt(v + 1e-5) for c, v in zip(channels, variances, strict=True)]
            x = torch.from_numpy(np.maximum(np.stack(normal, axis=1), 0))
        return x.numpy(), log_scales

    (clean, log_scales), (other, _) = features(images), features(changed)
    expected = math.log(np.abs(clean - other).sum(axis=(1, 2, 3)).mean()) + log_scales
    assert PROXIES["zen"](network, images, labels, seed=9) == pytest.approx(expected, rel=1e-9)


def test_zen_does_not_see_the_weights_that_the_network_comes_with(
    network: nn.Module, images: Tensor, labels: Tensor
) -> None:
    value = PROXIES["zen"](network, images, labels)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    assert PROXIES["zen"](network, images, labels) == value
