"""The trace runs a network once, there and back, and leaves it as it was."""

import pytest
import torch
from torch import Tensor, nn
from zoo import ZOO, made, mlp, run


@pytest.mark.parametrize("name", ZOO)
def test_module_comes_back_unchanged(name: str) -> None:
    network, channels = made(name)
    network.register_buffer("counter", torch.zeros(3))
    network.eval()
    first = next(network.parameters())
    first.requires_grad_(False)
    first.grad = torch.ones_like(first)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [
        (m.training, dict(m.__dict__).get("inplace"), getattr(m, "track_running_stats", None))
        for m in network.modules()
    ]
    random_state = torch.get_rng_state()
    run(network, channels)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert modes == [
        (m.training, dict(m.__dict__).get("inplace"), getattr(m, "track_running_stats", None))
        for m in network.modules()
    ]
    assert torch.equal(random_state, torch.get_rng_state())
    assert not first.requires_grad
    assert all(p.requires_grad for p in network.parameters() if p is not first)
    assert torch.equal(first.grad, torch.ones_like(first))
    assert all(p.grad is None for p in network.parameters() if p is not first)
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in network.modules())


def test_buffers_that_a_forward_replaces_or_overwrites_are_restored() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("replaced", torch.zeros(1))
            self.register_buffer("overwritten", torch.zeros(1))
            self.body = mlp()

        def forward(self, x: Tensor) -> Tensor:
            self.replaced = self.replaced + 1
            self.overwritten += 1
            return self.body(x)

    network = Counting()
    run(network)
    assert network.replaced.item() == 0
    assert network.overwritten.item() == 0


def test_one_forward_and_one_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _ = made("resnet")
    calls = {"forward": 0, "backward": 0}
    network.register_forward_pre_hook(lambda *_: calls.__setitem__("forward", calls["forward"] + 1))
    network.stem.weight.register_hook(lambda _: calls.__setitem__("backward", calls["backward"] + 1))
    engine = torch.autograd.grad
    passes = []
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or engine(*a, **k))
    run(network)
    assert (calls["forward"], len(passes)) == (1, 1)
    assert calls["backward"] <= 1


def test_hooks_are_gone_after_a_forward_that_raises() -> None:
    network, _ = made("resnet")
    network.eval()
    with pytest.raises(RuntimeError):
        run(network, channels=2)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert not any(m.training for m in network.modules())
    assert all(m.track_running_stats for m in network.modules() if isinstance(m, nn.BatchNorm2d))
