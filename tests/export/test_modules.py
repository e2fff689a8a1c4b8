"""Classes of the user, in a file of their own, copied with all they refer to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from coernas_moo.errors import ExportError
from coernas_moo.export.source.modules import Copied, module_expression
from coernas_moo.networks.pools import L2Pooling

USER_FILE = """
import math
import torch
import torch.nn.functional as F
from collections import OrderedDict as Ordered
from fractions import Fraction
from torch import Tensor, nn
from coernas_moo.networks.pools import L2Pooling

SCALES = (0.5, 2.0)
LIMITS = {"low": 0}


class Base(nn.Module):
    def scaled(self, x: Tensor) -> Tensor:
        return x * SCALES[0] * math.sqrt(4) * float(Fraction(1, 2))


class Gate(Base):
    def __init__(self, inner: nn.Module, *, sides: tuple = (1, 2), name: str = "gate") -> None:
        super().__init__()
        self.inner, self.sides = inner, sides
        self.order = Ordered(first=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.scaled(self.inner(x)))


class Uses(nn.Module):
    def forward(self, x):
        return x + LIMITS["low"]


class OurOwn(nn.Module):
    def forward(self, x):
        return L2Pooling()(x)


class Takes(nn.Module):
    def __init__(self, table):
        super().__init__()
        self.table = table


class GELU(nn.Module):
    def forward(self, x):
        return x


def print(x):
    return x


class Prints(nn.Module):
    def forward(self, x):
        return print(x)
"""


@pytest.fixture
def user(tmp_path: Path) -> ModuleType:
    path = tmp_path / "user_layers.py"
    path.write_text(USER_FILE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("user_layers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "user_layers", module)
        spec.loader.exec_module(module)
        yield module


def test_a_class_is_copied_with_what_it_needs(user: ModuleType) -> None:
    module = user.Gate(nn.Sequential(nn.Conv2d(2, 2, 3, padding=(1, 1)), user.Gate(nn.Identity())), sides=(3, 4))
    copied = Copied()
    expression = module_expression(module, "layer", copied)
    assert expression.startswith("Gate(")
    assert "sides=(3, 4)" in expression
    assert copied.imports == {
        "import math",
        "from collections import OrderedDict as Ordered",
        "from fractions import Fraction",
    }
    namespace: dict[str, object] = {}
    text = "\n".join(
        [*sorted(copied.imports), "import torch.nn.functional as F", "from torch import Tensor, nn", *copied.texts]
    )
    exec(text, namespace)
    again = eval(expression, namespace)
    again.load_state_dict(module.state_dict())
    images = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(again(images), module(images))
    before = len(copied.texts)
    module_expression(user.Gate(nn.Identity()), "layer", copied)
    assert len(copied.texts) == before


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda user: user.Uses(), "it uses LIMITS, a dict"),
        (lambda user: user.OurOwn(), "it uses L2Pooling of coernas_moo"),
        (lambda user: user.Takes({"a": 1}), "its argument 'table' is a dict"),
        (lambda user: user.Prints(), "another class is named 'print' there"),
        (lambda user: L2Pooling(), "it uses L2Pooling of coernas_moo"),
        (lambda user: type("Made", (nn.Module,), {"__module__": "nowhere"})(), "the source of Made cannot be read"),
    ],
)
def test_what_cannot_be_copied_says_why(user: ModuleType, make: object, reason: str) -> None:
    with pytest.raises(ExportError, match=rf"'my layer' cannot be written as Python: {reason}"):
        module_expression(make(user), "my layer", Copied())  # type: ignore[operator]


def test_a_class_does_not_take_the_name_of_another(user: ModuleType) -> None:
    with pytest.raises(ExportError, match="another class is named 'GELU' there"):
        module_expression(user.GELU(), "layer", Copied(), {"GELU"})
    assert module_expression(nn.GELU(), "layer", Copied()) == "nn.GELU()"
