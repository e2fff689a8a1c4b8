"""Bad input: one clear line on stderr, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from commands import coernas
from PIL import Image

from coernas_moo.shipped import shipped_problems

pytestmark = pytest.mark.usefixtures("in_empty_folder")

SHAPE = ("--shape", "3x8x8", "--classes", "3")
FEW = ("--population", "4", "--generations", "1", "--workers", "1", "--set", 'objectives=["score","params"]')


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if "cache" not in path.parts}


def assert_one_line(result: Result, *fragments: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line != "hello"]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("coernas: ")
    for fragment in fragments:
        assert fragment in lines[0]


def empty_class() -> None:
    Path("photos/a").mkdir(parents=True)
    Path("photos/b").mkdir()
    Image.new("L", (8, 8)).save("photos/a/1.png")


def one_class() -> None:
    Path("photos/a").mkdir(parents=True)
    Image.new("L", (8, 8)).save("photos/a/1.png")


def nothing_readable() -> None:
    for name in ("a", "b"):
        Path("photos", name).mkdir(parents=True)
        Path("photos", name, "1.jpg").write_bytes(b"\xff\xd8 no image")


def not_toml() -> None:
    Path("mine.toml").write_text("name is digits")


def unknown_key() -> None:
    Path("mine.toml").write_text('name = "m"\n[data]\nkind = "digits"\n[space]\nkind = "separable"\nstagse = 2\n')


def modules() -> None:
    Path("half_module.py").write_text(
        "from torch import nn\n"
        "def half():\n    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).half()\n"
        "def leaves():\n    raise SystemExit(0)\n"
        "def talks():\n    print('hello')\n    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))\n"
    )
    Path("broken_module.py").write_text("print('hello')\n1 / 0\n")
    Path("leaving_module.py").write_text("raise SystemExit(0)\n")


def plugin_that_leaves() -> None:
    Path("leaves.py").write_text("import sys\nprint('hello')\nsys.exit(0)\n")


def nothing() -> None:
    pass


BAD: dict[str, tuple[Callable[[], None], tuple[str, ...], tuple[str, ...]]] = {
    "missing folder": (nothing, ("search", "no/photos"), ("no/photos", "no such file or folder", "digits")),
    "missing data": (nothing, ("search", "xsdd", "--data", "no"), ("no", "--data")),
    "no data given": (nothing, ("search", "xsdd"), ("xsdd", "--data")),
    "empty class": (empty_class, ("search", "photos"), ("photos/b", "no images")),
    "one class": (one_class, ("search", "photos"), ("one class", "'a'")),
    "nothing readable": (nothing_readable, ("search", "photos"), ("no image", "1.jpg")),
    "not TOML": (not_toml, ("search", "mine.toml"), ("mine.toml", "not valid TOML", "line 1")),
    "unknown key": (unknown_key, ("search", "mine.toml"), ("mine.toml", "space", "'stagse'", "stages")),
    "unknown section": (nothing, ("search", "digits", "--set", "sarch.seed=1"), ("'sarch'", "objectives, limits")),
    "wrong type": (nothing, ("search", "digits", "--set", "search.seed=one"), ("search.seed", "int")),
    "negative population": (nothing, ("search", "digits", "--population", "-3"), ("search.population", ">= 2")),
    "no choice": (nothing, ("search", "digits", "--set", "space.units=[]"), ("space.units", "no choice")),
    "unknown unit": (nothing, ("search", "digits", "--set", 'space.units=["conv33"]'), ("conv33", "'conv3'")),
    "limit unmet": (nothing, ("search", "digits", *FEW, "--set", 'limits=["params <= 9"]'), ("params <= 9", "nearest")),
    "limit unreadable": (nothing, ("search", "digits", "--set", 'limits=["params < 9"]'), ("params < 9", "<=")),
    "out below a file": (not_toml, ("search", "digits", *FEW, "--out", "mine.toml/run"), ("mine.toml/run", "--out")),
    "out in proc": (nothing, ("search", "digits", *FEW, "--out", "/proc/here/run"), ("/proc/here/run", "--out")),
    "nothing to resume": (nothing, ("search", "digits", "--resume"), ("digits", "leave out --resume")),
    "no run to resume": (nothing, ("search", "--resume", "--out", "no"), ("no:", "coernas runs")),
    "genotype too short": (nothing, ("score", "conv3:max", "--problem", "digits"), ("conv3:max", "3")),
    "genotype unknown part": (nothing, ("score", "convx:max/conv3:max/conv3:max", "--problem", "digits"), ("convx",)),
    "shape unreadable": (nothing, ("score", "json:loads", "--shape", "3x3", "--classes", "2"), ("3x32x32",)),
    "no such function": (nothing, ("score", "json:no", "--shape", "3x8x8", "--classes", "2"), ("json:no",)),
    "no such module": (nothing, ("score", "no.where:f", "--shape", "3x8x8", "--classes", "2"), ("no.where",)),
    "not a module": (nothing, ("score", "builtins:dict", "--shape", "3x8x8", "--classes", "2"), ("dict",)),
    "function raises": (nothing, ("score", "json:loads", "--shape", "3x8x8", "--classes", "2"), ("TypeError",)),
    "module raises": (modules, ("score", "broken_module:f", *SHAPE), ("broken_module", "ZeroDivisionError")),
    "module exits": (modules, ("score", "leaving_module:f", *SHAPE), ("leaving_module", "SystemExit")),
    "function exits": (modules, ("score", "half_module:leaves", *SHAPE), ("half_module:leaves()", "SystemExit")),
    "half precision": (modules, ("score", "half_module:half", *SHAPE), ("parameters that are not torch.float32",)),
    "wrong shape": (
        modules,
        ("score", "half_module:talks", "--shape", "3x9x9", "--classes", "3"),
        ("half_module:talks", "float32 images of shape (n, 3, 9, 9)"),
    ),
    "too few outputs": (
        modules,
        ("score", "half_module:talks", "--shape", "3x8x8", "--classes", "4"),
        ("gives 3 class scores, not the 4",),
    ),
    "negative seed": (
        modules,
        ("score", "half_module:talks", *SHAPE, "--seed", "-1", "--repeats", "2"),
        ("seed", "-1"),
    ),
    "huge seed": (modules, ("score", "half_module:talks", *SHAPE, "--seed", str(2**64)), ("seed", "2**63 - 1")),
    "plugin exits": (
        plugin_that_leaves,
        ("search", "digits", "--set", 'plugins=["leaves.py"]'),
        ("leaves.py", "SystemExit"),
    ),
    "path is a number": (
        nothing,
        ("search", "xsdd", "--set", "data.path=5"),
        ("data.path", "expected str, got int"),
    ),
    "no such problem": (nothing, ("problems", "no"), ("'no'", "digits")),
    "no such proxy": (nothing, ("proxies", "zz*"), ("zz*", "robustness")),
    "no folder of runs": (nothing, ("runs", "no"), ("no", "folder")),
    "no images for new": (nothing, ("new", "no"), ("no", "class")),
    "file exists for new": (not_toml, ("new", "photos", "--out", "mine.toml"), ("mine.toml", "--out")),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_and_nothing_written(case: str) -> None:
    prepare, arguments, fragments = BAD[case]
    prepare()
    before = files()
    assert_one_line(coernas(*arguments), *fragments)
    assert files() == before


@pytest.mark.parametrize(
    "arguments", [("search",), ("search", "digits", "--set", "seed"), ("score", "x"), ("nonsense",)]
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    result = coernas(*arguments)
    assert_one_line(result, "--help")
    assert result.stdout == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
@pytest.mark.parametrize("arguments", [("problems",), ("proxies", "--json"), ("search", "digits", *FEW)])
def test_a_printer_that_is_full(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "coernas_moo.cli.main", *arguments]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert result.returncode == 2, result.stderr
    assert result.stderr == (
        "coernas: what is printed cannot be written: No space left on device; print it elsewhere\n"
    )


def test_a_latency_check_takes_time() -> None:
    for seconds in ("0", "-3", "nan"):
        assert_one_line(coernas("latency", "digits", "--seconds", seconds), "--seconds", "give a number above 0")


def test_a_run_that_was_cut_off_at_once_is_no_ruin() -> None:
    Path("results/runs/x-1").mkdir(parents=True)
    Path("results/runs/x-1/problem.toml").write_text(shipped_problems()["digits"])
    assert_one_line(coernas("show", "x-1"), "was cut off before it began", "--resume --out results/runs/x-1")
    (row,) = json.loads(coernas("runs", "--json").stdout)
    assert (row["status"], row["problem"]) == ("not begun", "digits")
    assert "not begun" in coernas("runs").stdout


@pytest.mark.parametrize("command", [("train",), ("refine",), ("latency", "nb201"), ("bench", "candidate", "nb201")])
def test_a_seed_that_no_generator_takes(command: tuple[str, ...]) -> None:
    result = coernas(*command, "--seed", str(2**63))
    assert result.exit_code == 2
    assert_one_line(result, "--seed")


def test_resumed_run_whose_problem_changed_is_refused() -> None:
    Path("mine.toml").write_text(
        'name = "mine"\nobjectives = ["score", "params"]\n[data]\nkind = "digits"\n'
        '[space]\nkind = "separable"\nstages = 1\nbase_width = 4\n'
    )
    begun = coernas("search", "mine.toml", *FEW[:6], "--quiet")
    assert begun.exit_code == 0, begun.output
    Path("mine.toml").write_text(Path("mine.toml").read_text().replace("stages = 1", "stages = 2"))
    before = Path("results/runs/mine-1/state.json").read_text()
    assert_one_line(coernas("search", "mine.toml", *FEW[:6], "--resume"), "space.stages was 1, is 2", "--out")
    assert Path("results/runs/mine-1/state.json").read_text() == before


@pytest.mark.parametrize("name", ["results/runs/digits-1", "digits-1"])
def test_a_run_is_no_problem_to_search(name: str) -> None:
    assert coernas("search", "digits", *FEW, "--set", "space.stages=1", "--quiet").exit_code == 0
    continued = "coernas search --resume --out results/runs/digits-1"
    assert_one_line(coernas("search", name), f"{name} is a run", continued)
    assert coernas(*continued.split()[1:], "--quiet").exit_code == 0


def test_a_run_that_is_there_is_left_alone() -> None:
    for name in ("run", "other"):
        Path(name).mkdir()
    Path("run/notes.txt").write_text("mine")
    assert_one_line(coernas("search", "digits", *FEW, "--out", "run"), "run", "--out")
    assert [path.name for path in Path("run").iterdir()] == ["notes.txt"]


def test_unexpected_errors_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("coernas_moo.cli.problems.shipped_problems", broken)
    result = coernas("problems")
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.name == "posix" and os.geteuid() == 0
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    if not mounted or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk(small_disk: Path) -> None:
    command = [sys.executable, "-m", "coernas_moo.cli.main", "search", "digits", *FEW, "--quiet"]
    full = [*command, "--set", "space.stages=1", "--generations", "1000", "--out", str(small_disk / "run")]
    result = subprocess.run(full, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("coernas: ")
    assert str(small_disk / "run") in result.stderr
