from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from coernas_moo.cli import output
from commands import coernas
from rich.console import Console

from coernas_moo.export import Exported
from coernas_moo.export.check import Check
from coernas_moo.reporting.export_view import exported_table
from coernas_moo.search.run import Run
from coernas_moo.training import ModelSpec, Recipe, write_spec
from coernas_moo.training.checkpoint import save_checkpoint

pytestmark = pytest.mark.usefixtures("in_empty_folder")


@pytest.fixture
def run(finished_run: Run, in_empty_folder: None) -> Run:
    """A finished run in `results/runs` of the current directory."""
    return Run(shutil.copytree(finished_run.directory.path, Path("results/runs/tiny-1")))


@pytest.fixture
def trained(run: Run) -> Run:
    """The same with a trained model of the pick `best`."""
    directory = run.directory.path / "models" / "best"
    directory.mkdir(parents=True)
    spec = ModelSpec(
        name="best",
        problem="tiny",
        classes=("ok", "crack", "hole"),
        channels=1,
        height=8,
        width=8,
        mean=(0.4,),
        std=(0.2,),
        recipe=Recipe(),
        seed=0,
        data=run.problem.data,
        space=run.problem.space,
        genotype=run.pick("best").text,
    )
    write_spec(spec, directory)
    save_checkpoint(directory / "best.pt", {"state": run.network("best").state_dict(), "epoch": 1})
    return run


def test_a_trained_pick_becomes_files_that_were_checked(trained: Run) -> None:
    result = coernas("export", "tiny-1", "--pick", "best", "--to", "best.py", "--to", "best.pt2")
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "coernas: warning: results/runs/tiny-1/models/best: the training has not come to its end; these are the best "
        "weights so far; to finish it, give the command that trained it again\n"
    )
    for text in (
        trained.pick("best").text,
        "trained, results/runs/tiny-1/models/best",
        "ok, crack, hole",
        "mean 0.4",
        "best.pt ",
        "torch.export program",
    ):
        assert text in result.stdout
    assert {path.name for path in Path().glob("best.*")} == {"best.py", "best.pt", "best.pt2"}
    assert 'CLASSES = ("ok", "crack", "hole")' in Path("best.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [200, 80, 40])
def test_no_name_is_broken_on_a_narrow_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None, highlight=False)
    monkeypatch.setattr(output, "_console", lambda: console)
    files = (Path("some-model.pt"), Path("some-model.py"))
    made = Exported(files[1], files, "torch.export program", 10, 1.0, Check(1e-7, 1e-6, 0.0001, 1.0))
    output.print_table(exported_table([made]))
    for words in ("some-model.py", "some-model.pt", "torch.export program", "0.0001", "1.0e-07"):
        assert words in stream.getvalue()


def test_json_is_all_there_is_on_stdout(trained: Run) -> None:
    result = coernas("export", "results/runs/tiny-1/models/best", "--to", "best.onnx", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    (exported,) = document["exports"]
    assert exported["files"] == ["best.onnx"]
    assert exported["bytes"] == Path("best.onnx").stat().st_size
    assert exported["probability_difference"] < 1e-5
    assert exported["latency_ratio"] == pytest.approx(exported["latency_ms"] / exported["torch_latency_ms"])
    assert (document["trained"], document["genotype"]) == (True, trained.pick("best").text)
    result = coernas("export", "--pick", "best", "--to", "again.onnx")
    assert "coernas predict again.onnx path/to/images" in result.stdout


def test_a_pick_that_was_not_trained_is_exported_with_a_warning(run: Run) -> None:
    result = coernas("export", "--to", "knee.py")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("coernas: warning: this network has not been trained")
    assert run.pick("knee").text in result.stdout
    assert not Path("knee.pt").exists()


def test_a_pick_that_was_another_network_before_says_whose_model_is_there(trained: Run) -> None:
    (trained.directory.path / "models/best").rename(trained.directory.path / "models/knee")
    assert trained.pick("knee").text != trained.pick("best").text
    said = coernas("export", "--pick", "knee", "--to", "knee.py").stderr
    assert "models/knee is of another network, which this pick was before: coernas export" in said
    assert "train it first" not in said


def test_untrained_is_untrained_even_where_there_are_weights(trained: Run) -> None:
    result = coernas("export", "--pick", "best", "--to", "best.py", "--untrained", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["trained"] is False


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--to", "best.tflite"], "best.tflite: nothing is exported to '.tflite'; use one of .onnx, .pt2, .py"),
        (["--to", "best.py", "--to", "none/best.py"], "none/best.py: there is no folder none; make it first"),
        (["--to", "mine.py"], "mine.py: exists already; give another name, or --force to replace it"),
        (["--pick", "nicest", "--to", "best.py"], "no member 'nicest' in the front"),
        (["nowhere", "--to", "best.py"], "no run here"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run: Run, arguments: list[str], line: str) -> None:
    Path("mine.py").write_text("mine", encoding="utf-8")
    result = coernas("export", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("coernas: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in Path().glob("*.*")] == ["mine.py"]
    assert Path("mine.py").read_text(encoding="utf-8") == "mine"


def test_force_replaces_no_checkpoint(trained: Run) -> None:
    directory = trained.directory.path / "models" / "best"
    before = (directory / "best.pt").read_bytes()
    result = coernas("export", "--pick", "best", "--to", directory / "best.py", "--force")
    assert result.exit_code == 2
    assert "best.pt: is a checkpoint of the model that was trained here; give another name or folder" in result.stderr
    assert (directory / "best.pt").read_bytes() == before
    assert not (directory / "best.py").exists()
    assert coernas("export", "--pick", "best", "--to", directory / "mine.py").exit_code == 0


def test_force_replaces(run: Run) -> None:
    Path("mine.py").write_text("mine", encoding="utf-8")
    assert coernas("export", "--to", "mine.py", "--untrained", "--force").exit_code == 0
    assert "class Network" in Path("mine.py").read_text(encoding="utf-8")


def test_a_model_folder_leaves_nothing_to_pick(trained: Run) -> None:
    result = coernas("export", "results/runs/tiny-1/models/best", "--pick", "best", "--to", "best.py")
    assert result.exit_code == 2
    assert "leave out --pick and --untrained" in result.stderr
