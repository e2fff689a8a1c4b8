import pytest
import torch

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Layer, ReLU, Residual, Shape
from coernas_moo.networks.units import UNITS, register_unit


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("conv3", 8 * 16 * 9 + 32),
        ("conv5", 8 * 16 * 25 + 32),
        ("sep3", 8 * 9 + 16 + 8 * 16 + 32),
        ("sep5", 8 * 25 + 16 + 8 * 16 + 32),
        ("bottleneck3", 8 * 4 + 8 + 4 * 4 * 9 + 8 + 4 * 16 + 32),
        ("mb3k3", 8 * 24 + 48 + 24 * 9 + 48 + 24 * 16 + 32),
        ("mb6k5", 8 * 48 + 96 + 48 * 25 + 96 + 48 * 16 + 32),
        ("dil3", 8 * 16 * 9 + 32),
    ],
)
def test_parameters_by_hand(name: str, params: int) -> None:
    assert UNITS[name](8, 16).params() == params


@pytest.mark.parametrize(("name", "reach"), [("conv3", 1), ("sep3", 1), ("bottleneck3", 1), ("mb3k3", 1), ("conv5", 2)])
def test_receptive_field(name: str, reach: int) -> None:
    assert _reach(UNITS[name](3, 5)) == reach


@pytest.mark.parametrize("name", ["sep5", "mb6k5", "dil3"])
def test_wide_receptive_field(name: str) -> None:
    assert _reach(UNITS[name](3, 5)) == 2


def _reach(layer: Layer) -> int:
    """Farthest input position, in rows, that the output's centre depends on; all weights positive."""
    module = layer.build().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(0.5)
    x = torch.ones(1, 3, 11, 11, requires_grad=True)
    module(x)[0, :, 5, 5].sum().backward()
    assert x.grad is not None
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten() - 5
    return int(rows.abs().max())


@pytest.mark.parametrize("name", UNITS.names())
def test_shortcut_exactly_where_widths_agree(name: str) -> None:
    kept, changed = UNITS[name](8, 8).build(), UNITS[name](8, 16).build()
    assert isinstance(kept, Residual)
    assert kept.shortcut
    assert not (isinstance(changed, Residual) and changed.shortcut)


def test_a_user_adds_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UNITS, "_entries", dict(UNITS._entries))

    @register_unit("conv7", "convolution 7x7")
    def conv7(in_channels: int, out_channels: int) -> Layer:
        body = (Conv(in_channels, out_channels, 7), BatchNorm(out_channels))
        return Chain(body, shortcut=in_channels == out_channels, after=(ReLU(),))

    assert UNITS["conv7"].label == "convolution 7x7"
    assert UNITS["conv7"](4, 4).macs(Shape(4, 2, 2)) == 4 * 4 * 49 * 4
    with pytest.raises(CoernasError, match="a unit named 'conv7' is registered already"):
        register_unit("conv7")(conv7)


@pytest.mark.parametrize("name", ["", "my unit", "a,b", "a:b", "a/b", "-x", "$x"])
def test_names_that_would_break_the_text_are_refused(name: str) -> None:
    with pytest.raises(CoernasError, match="a unit cannot be named"):
        register_unit(name)
