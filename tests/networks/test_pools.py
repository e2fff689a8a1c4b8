import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from coernas_moo.errors import CoernasError
from coernas_moo.networks.pools import POOLS, BlurPooling, L2Pooling, MaxPool, Pool, register_pool


def _windows(x: Tensor) -> list[list[Tensor]]:
    """The 2x2 windows of (n, c, h, w), smaller at an odd border, each flattened to (n, c, positions)."""
    height, width = x.shape[2:]
    return [[x[:, :, i : i + 2, j : j + 2].flatten(2) for j in range(0, width, 2)] for i in range(0, height, 2)]


REFERENCES = {
    "max": lambda window: window.amax(-1),
    "avg": lambda window: window.mean(-1),
    "mix": lambda window: (window.amax(-1) + window.mean(-1)) / 2,
    "l2": lambda window: (window.square().mean(-1) + L2Pooling.EPS).sqrt(),
}


@pytest.mark.parametrize("name", REFERENCES)
@given(height=st.integers(1, 9), width=st.integers(1, 9))
@settings(max_examples=15, deadline=None)
def test_pools_against_window_by_window(name: str, height: int, width: int) -> None:
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(height * 10 + width))
    expected = torch.stack([torch.stack([REFERENCES[name](w) for w in row], -1) for row in _windows(x)], -2)
    torch.testing.assert_close(POOLS[name](3).build()(x), expected)


@given(height=st.integers(1, 9), width=st.integers(1, 9))
@settings(max_examples=15, deadline=None)
def test_blur_is_three_box_filters_and_a_stride(height: int, width: int) -> None:
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(height * 10 + width))
    smooth = torch.nn.functional.pad(x, (1, 2, 1, 2), mode="replicate")
    for _ in range(3):
        smooth = torch.nn.functional.avg_pool2d(smooth, 2, stride=1)
    torch.testing.assert_close(POOLS["blur"](3).build()(x), smooth[:, :, ::2, ::2])


def test_blur_filter_is_a_buffer_outside_the_state() -> None:
    pool = BlurPooling(3)
    assert [name for name, _ in pool.named_buffers()] == ["kernel"]
    assert not pool.state_dict()
    assert pool.kernel.sum().item() == pytest.approx(3)


def test_blur_changes_less_than_max_when_the_image_moves() -> None:
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)).relu()
    moved = x.roll(1, dims=3)

    def change(name: str) -> float:
        pool = POOLS[name](3).build()
        inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
        before, after = pool(x)[inner], pool(moved)[inner]
        return float((before - after).norm() / before.norm())

    assert change("blur") < 0.7 * change("max")


def test_l2_gradient_is_finite_at_zero_and_right_elsewhere() -> None:
    pool = L2Pooling()
    x = torch.zeros(1, 1, 4, 4, requires_grad=True)
    pool(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros_like(x))
    y = torch.randn(1, 2, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pool, (y,))


def test_registration_refuses_what_the_text_cannot_hold() -> None:
    with pytest.raises(CoernasError, match="a pool cannot be named 'max/2'"):
        register_pool("max/2")


def test_a_user_adds_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(POOLS, "_entries", dict(POOLS._entries))

    def other_max(_channels: int) -> MaxPool:
        return MaxPool()

    assert register_pool("max2", whole_map_as="max")(other_max) is other_max
    assert POOLS["max2"] == Pool("max2", "max2", other_max, "max")
