"""`coernas search`: what it runs, prints and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import coernas
from PIL import Image

from coernas_moo.search.run import Run

pytestmark = pytest.mark.usefixtures("in_empty_folder")

SMALL = (
    "--set",
    'objectives=["score", "params"]',
    "--set",
    "space.stages=1",
    "--set",
    "space.max_depth=2",
    "--set",
    "space.base_width=4",
    "--set",
    "space.widths=[]",
    "--population",
    "4",
    "--generations",
    "2",
    "--workers",
    "1",
)


def make_images(folder: Path, classes: int = 2, each: int = 3, size: tuple[int, int] = (16, 12)) -> Path:
    for number in range(classes):
        (folder / f"class{number}").mkdir(parents=True)
        for image in range(each):
            picture = Image.new("L", size, 40 * number + 10 * image)
            picture.putpixel((number, image), 255)
            picture.save(folder / f"class{number}" / f"{image}.jpg")
    return folder


def test_lines_name_everything_and_say_what_to_type_next() -> None:
    result = coernas("search", "digits", *SMALL)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    header = {line.split()[0]: line for line in lines[:8]}
    assert "1,797 images 1x8x8, 10 classes" in header["data"]
    assert "score (max), params (min)" in header["objectives"]
    assert "2 generations of 4" in header["budget"]
    assert header["run"].split()[1] == "results/runs/digits-1"
    generations = [line for line in lines if line.startswith("generation ")]
    assert [line.split()[1] for line in generations] == ["1/2", "2/2"]
    assert "evaluations 8" in generations[-1]
    assert "  coernas show results/runs/digits-1" in lines


def test_json_is_one_document_that_agrees_with_the_run() -> None:
    result = coernas("search", "digits", *SMALL, "--json", "--out", "here")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    run = Run("here")
    assert document["run"] == "here"
    assert document["evaluations"] == 8 == len(run.archive)
    assert document["status"] == "finished"
    assert [network["genotype"] for network in document["networks"]] == [member.text for member in run.front]
    assert document["networks"][0]["objectives"] == dict(run.front[0].objectives)
    assert result.stderr == ""
    assert json.loads(Path("here/front.json").read_text())["networks"] == document["networks"]


def test_quiet_prints_the_run_directory_only_and_numbers_go_up() -> None:
    assert coernas("search", "digits", *SMALL, "--quiet").output == "results/runs/digits-1\n"
    assert coernas("search", "digits", *SMALL, "--quiet").output == "results/runs/digits-2\n"


def test_options_and_set_reach_the_problem() -> None:
    result = coernas("search", "digits", *SMALL, "--seed", "7", "--evaluations", "5", "--out", "r", "--quiet")
    assert result.exit_code == 0, result.output
    run = Run("r")
    assert run.problem.search.seed == 7
    assert run.problem.space["base_width"] == 4
    assert run.problem.evaluation.workers == 1
    assert run.archive.evaluations == 5


def test_resume_continues_with_a_new_budget_and_says_when_there_is_nothing_left() -> None:
    coernas("search", "digits", *SMALL, "--quiet")
    again = coernas("search", "--resume", "--out", "results/runs/digits-1")
    assert again.exit_code == 0, again.output
    assert "finished already (2 generations done)" in again.stdout
    more = coernas("search", "--resume", "--out", "results/runs/digits-1", "--generations", "3")
    assert more.exit_code == 0, more.output
    assert "finished already" not in more.stdout
    assert Run("results/runs/digits-1").archive.evaluations == 12
    straight = coernas("search", "digits", *SMALL, "--generations", "3", "--out", "straight", "--quiet")
    assert straight.exit_code == 0, straight.output
    assert [m.text for m in Run("straight").front] == [m.text for m in Run("results/runs/digits-1").front]


def test_resume_without_out_takes_the_latest_run_of_the_problem() -> None:
    for out in ("digits-1", "digits-2"):
        coernas("search", "digits", *SMALL, "--out", f"results/runs/{out}", "--quiet")
    os.utime("results/runs/digits-1/problem.toml", (1, 1))
    Path("results/runs/digits-3").mkdir()
    Path("results/runs/digits-3/problem.toml").write_text("broken")
    result = coernas("search", "digits", *SMALL, "--resume", "--generations", "3", "--quiet")
    assert result.output == "results/runs/digits-2\n"


def test_folder_of_images_is_a_problem(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "My photos (1)")
    result = coernas("search", folder, "--set", "space.base_width=4", *SMALL[:2], *SMALL[8:])
    assert result.exit_code == 0, result.output
    run = Run("results/runs/My-photos-1-1")
    assert run.state.shape == (1, 12, 16)
    assert run.state.classes == ("class0", "class1")
    assert run.problem.space["stages"] == 3


def test_data_replaces_the_images_of_a_shipped_problem(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "photos", classes=3)
    for problem in ("xsdd", "digits"):
        result = coernas("search", problem, "--data", "photos", *SMALL, "--out", problem, "--quiet")
        assert result.exit_code == 0, result.output
        assert Run(problem).problem.data["path"] == str(folder)
        assert len(Run(problem).state.classes) == 3


def test_truncated_image_is_named_once_and_the_search_goes_on(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "photos")
    broken = folder / "class1" / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:-20])
    for extra in ((), ("--json",)):
        result = coernas("search", folder, *SMALL, *extra)
        assert result.exit_code == 0, result.output
        warnings = result.stderr.splitlines()
        assert len(warnings) == 1
        assert warnings[0].startswith("coernas: warning: 1 image cannot be read")
        assert str(broken) in warnings[0]


def test_ctrl_c_ends_with_130_and_how_to_continue(tmp_path: Path) -> None:
    many = [*SMALL, "--generations", "100000", "--population", "6", "--set", "space.stages=3", "--out", "run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "coernas_moo.cli.main", "search", "digits", *many],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 60
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors == "coernas: interrupted; continue with: coernas search --resume --out run\n"
    run = Run("run")
    assert run.state.status == "interrupted"
    generations = run.state.generation + 1
    resumed = coernas("search", "--resume", "--out", "run", "--generations", str(generations), "--quiet")
    assert resumed.exit_code == 0, resumed.output
    assert Run("run").state.generation == generations
