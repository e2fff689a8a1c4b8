from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coernas_moo.errors import ProblemFileError
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.plugins import load_plugins
from coernas_moo.proxies import PROXIES

HALF = """
import coernas_moo
@coernas_moo.register_objective("half")
def half(plan):
    return 1.0
@coernas_moo.register_proxy("half", needs=(), source="a test")
def half_proxy(trace):
    return 1.0
"""


def test_a_plugin_is_imported_once_and_its_errors_are_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(f"open({str(tmp_path / 'log')!r}, 'a').write('x')")
    load_plugins((str(good),))
    load_plugins((str(good),))
    assert (tmp_path / "log").read_text() == "x"
    bad.write_text("import no_such_module_at_all")
    before = set(sys.modules)
    with pytest.raises(ProblemFileError, match=r"bad\.py cannot be imported: ModuleNotFoundError"):
        load_plugins((str(bad),))
    assert set(sys.modules) == before


@pytest.mark.parametrize("end", ["sys.exit(0)", "sys.exit('enough')", "raise SystemExit", "exit(3)"])
def test_a_plugin_that_exits_is_an_error(tmp_path: Path, end: str) -> None:
    plugin = tmp_path / "leaves.py"
    plugin.write_text(f"import sys\n{end}\n")
    with pytest.raises(ProblemFileError, match=r"leaves\.py cannot be imported: SystemExit"):
        load_plugins((str(plugin),))


def test_an_interruption_passes_and_leaves_nothing(tmp_path: Path) -> None:
    plugin = tmp_path / "slow.py"
    plugin.write_text(HALF + "raise KeyboardInterrupt\n")
    before = set(sys.modules)
    with pytest.raises(KeyboardInterrupt):
        load_plugins((str(plugin),))
    assert set(sys.modules) == before
    assert "half" not in OBJECTIVES


def test_plugins_whose_names_differ_in_signs_only_are_two(tmp_path: Path) -> None:
    for name in ("a-b.py", "a_b.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'log')!r}, 'a').write({name!r})")
    load_plugins((str(tmp_path / "a-b.py"), str(tmp_path / "a_b.py")))
    assert (tmp_path / "log").read_text() == "a-b.pya_b.py"


def test_a_plugin_that_failed_half_way_can_be_put_right(tmp_path: Path) -> None:
    plugin = tmp_path / "half.py"
    plugin.write_text(HALF + "1 / 0\n")
    with pytest.raises(ProblemFileError, match="ZeroDivisionError"):
        load_plugins((str(plugin),))
    assert "half" not in OBJECTIVES
    assert "half" not in PROXIES
    plugin.write_text(HALF)
    load_plugins((str(plugin),))
    assert "half" in OBJECTIVES
    assert "half" in PROXIES


def test_what_a_plugin_prints_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "talks.py"
    plugin.write_text("print('hello')")
    load_plugins((str(plugin),))
    assert capsys.readouterr() == ("", "hello\n")
