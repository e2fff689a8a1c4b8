"""Network proxies inside `score`: same weights as the trace, values that do not depend on the company."""

import pytest
import torch
from torch import nn

from coernas_moo.networks.init import he_init
from coernas_moo.proxies import PROXIES, NetworkProxy, register_network_proxy, score

DRAWING = ["near", "epads", "zen", "meco", "az_trainability"]


def plain() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    )


def test_values_do_not_depend_on_the_company() -> None:
    together = score(plain(), (3, 8, 8), 4, batch=8, seed=5, proxies=[*DRAWING, "snip", "isotropy"])
    for name in reversed(DRAWING):
        assert score(plain(), (3, 8, 8), 4, batch=8, seed=5, proxies=[name])[name] == together[name]
    assert score(plain(), (3, 8, 8), 4, batch=8, seed=6, proxies=["near"])["near"] != together["near"]


def test_network_proxies_see_the_weights_images_and_labels_of_the_trace() -> None:
    seen = []

    @register_network_proxy("spy", needs=("images",), source="a test", cost="nothing")
    def spy(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
        seen.append([*(p.detach().clone() for p in network.parameters()), images.clone(), labels.clone()])
        return 1.0

    network = plain()
    he_init(network)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    result = score(network, (3, 8, 8), 4, batch=8, seed=5, repeats=2, proxies=["spy", "grad_norm"])
    assert result["spy"] == 1.0
    assert len(seen) == 2
    assert not torch.equal(seen[0][0], seen[1][0])
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    torch.manual_seed(5)
    he_init(network)
    expected = [*network.parameters(), torch.randn(8, 3, 8, 8), torch.randint(0, 4, (8,))]
    assert all(torch.equal(a, b) for a, b in zip(seen[0], expected, strict=True))


def test_a_minimised_value_is_turned_round() -> None:
    proxy = NetworkProxy("one", lambda *_: 1.0, frozenset(), "d", "s", "c", direction="minimise")
    assert proxy(plain(), torch.zeros(2, 3, 8, 8), torch.tensor([0, 1])) == -1.0


def test_the_network_comes_back_after_an_error() -> None:
    network = plain().eval()
    state = {key: value.clone() for key, value in network.state_dict().items()}
    random_state = torch.get_rng_state()
    with pytest.raises(RuntimeError):
        PROXIES["zen"](network, torch.zeros(2, 4, 8, 8), torch.tensor([0, 1]))
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())
    assert not any(m.training or m._forward_hooks or m._forward_pre_hooks for m in network.modules())
