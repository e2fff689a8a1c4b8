"""Packages whose names are imported on first use."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

LAZY = ("coernas_moo", "coernas_moo.datasets", "coernas_moo.export", "coernas_moo.training")


@pytest.mark.parametrize("package", LAZY)
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert not isinstance(getattr(module, name), ModuleType)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        _ = module.nonsense


@pytest.mark.parametrize(
    ("package", "first", "registry"), [("datasets", "DATASETS", "DATASETS"), ("export", "format_of", "FORMATS")]
)
def test_the_first_name_registers_all(package: str, first: str, registry: str) -> None:
    code = (
        f"import sys, coernas_moo.{package} as p; assert 'torch' not in sys.modules; p.{first}; "
        f"print(len(p.{registry}.names()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == len(getattr(importlib.import_module(f"coernas_moo.{package}"), registry).names())


def test_a_function_is_not_hidden_by_its_module() -> None:
    code = "import coernas_moo.datasets.guess, coernas_moo.datasets as d; d.Dataset; print(callable(d.guess))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"
