"""`coernas compare` and `coernas nb201`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import coernas, good, refused
from runs import TINY

from coernas_moo.benchmarks import comparison
from coernas_moo.errors import DataError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.nb201 import DATASETS

pytestmark = pytest.mark.usefixtures("in_empty_folder")

ARCHITECTURES = (
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
)

PROBLEM = TINY.replace('"tiny"', '"small"').replace("stages = 2", "stages = 1")


@pytest.fixture(autouse=True)
def _problem_file(in_empty_folder: None) -> None:
    Path("small.toml").write_text(PROBLEM)


def test_a_comparison_prints_a_table_and_a_verdict_and_leaves_files() -> None:
    small = ("compare", "small.toml", "--seeds", "2", "--evaluations", "12")
    found = coernas(*small, "--algorithms", "hd-duaas,random")
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert any(line.strip().startswith("random") for line in lines)
    assert lines[-2] == (
        "2 seeds are too few to tell hd-duaas from 1 other: the test takes 6 at least (final hypervolume, 12 "
        "evaluations)."
    )
    folder = Path("results/runs/compare-small")
    assert {"comparison.csv", "comparison.tex", "convergence.png", "journal.sqlite"} <= {
        p.name for p in folder.iterdir()
    }
    assert coernas("report", folder).output.startswith(f"wrote {folder}/report.html  (")
    document = json.loads(coernas(*small, "--algorithms", "hd-duaas,random", "--json").output)
    assert document["problem"] == "small"
    assert set(document["algorithms"]) == {"hd-duaas", "random"}


def test_searches_of_a_score_are_judged_by_it_on_demand(table_here: None) -> None:
    small = (
        "compare", "nb201-edgegpu-free", "--algorithms", "nsga2,random", "--seeds", "1", "--evaluations", "12",
        "--population", "6", "--set", "score.batch=4", "--set", "score.size=8", "--out", "here",
    )  # fmt: skip
    assert coernas(*small).exit_code == 0
    by_error = Path("here/comparison.json").read_text()
    found = coernas(*small, "--as-searched")
    assert found.exit_code == 0, found.output
    assert "the best that all searches found" in found.output
    assert Path("here/comparison.json").read_text() == by_error
    assert json.loads(Path("here-as-searched/comparison.json").read_text())["objectives"][0] == "score"
    assert "here-as-searched" in coernas("summary", "here", "here-as-searched").output
    assert "judged by what was searched" in Path("here-as-searched/comparison.md").read_text()
    assert "judged by true error" in Path("here/comparison.tex").read_text()
    assert Path("here-as-searched/problem.toml").read_text() == Path("here/problem.toml").read_text()


def test_a_comparison_beside_it_is_not_written_over(table_here: None) -> None:
    table = ("compare", "nb201-edgegpu", "--algorithms", "random", "--seeds", "1", "--evaluations", "12")
    assert coernas(*table, "--out", "here-as-searched").exit_code == 0
    before = {path: path.read_bytes() for path in Path("here-as-searched").rglob("*") if path.is_file()}
    found = coernas(
        "compare", "nb201-edgegpu-free", "--algorithms", "random", "--seeds", "1", "--evaluations", "12",
        "--out", "here", "--as-searched",
    )  # fmt: skip
    assert found.exit_code == 2
    assert "here-as-searched: holds a comparison of its own" in found.stderr
    assert not Path("here").exists()
    assert {path: path.read_bytes() for path in Path("here-as-searched").rglob("*") if path.is_file()} == before


def test_one_objective_leaves_out_what_takes_two(table_here: None) -> None:
    found = coernas(
        "compare", "nb201-edgegpu", "--set", "objectives=['latency:edgegpu']", "--population", "5", "--seeds", "1",
        "--evaluations", "15", "--json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    algorithms = set(json.loads(found.stdout)["algorithms"])
    assert "hd-duaas" in algorithms
    assert not algorithms & {"moead", "sms-emoa"}


def test_nothing_else_is_judged_as_searched() -> None:
    found = coernas("compare", "small.toml", "--as-searched", "--seeds", "1", "--evaluations", "5")
    assert found.exit_code == 2
    assert "leave it out" in found.output
    assert not Path("results").exists()


def test_settings_reach_the_problem() -> None:
    found = coernas(
        "compare", "small.toml", "--algorithms", "random", "--seeds", "1", "--evaluations", "5",
        "--set", "name='other'", "--population", "4", "--out", "here",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    kept = Path("here/problem.toml").read_text()
    assert 'name = "other"' in kept
    assert "population = 4" in kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small.toml", "--algorithms", "nsga"), "no algorithm named 'nsga'; did you mean 'nsga2'?"),
        (("nb201-fpga",), "COERNAS_DATA is not set, so there is no NAS-Bench-201 table; write one with"),
        (("nothing.toml",), "no such file or folder"),
        (
            ("small.toml", "--algorithms", "random,sms-emoa", "--set", "objectives=['score']"),
            "--algorithms: sms-emoa takes two objectives at least",
        ),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COERNAS_DATA", raising=False)
    found = coernas("compare", *arguments)
    assert found.exit_code == 2
    assert message in found.output
    assert len(found.output.strip().splitlines()) == 1
    assert not Path("results").exists()


def test_limits_that_nothing_meets_are_told_before_anything_is_written(table_here: None) -> None:
    found = coernas(
        "compare", "nb201-edgegpu", "--set", "limits=['latency:edgegpu <= 0.0']", "--seeds", "1", "--out", "here"
    )
    assert found.exit_code == 2
    assert "no network of the table meets the limits 'latency:edgegpu <= 0.0': loosen them" in found.output
    assert not Path("here").exists()


def test_the_official_directory_becomes_a_table(tmp_path: Path) -> None:
    write_official_directory(tmp_path / "NATS")
    found = coernas("nb201", "import", "NATS", "--out", "data/nb201/nb201.npz")
    assert found.exit_code == 0, found.output
    table = TabularBenchmark.load(Path("data/nb201/nb201.npz"))
    assert table.architectures == ARCHITECTURES
    assert table.accuracy("cifar10", "valid").tolist() == [60.5, 61.5]
    assert table.accuracy("cifar10", "test_12").tolist() == [60.5, 61.5]
    assert table.accuracy("ImageNet16-120", "test").tolist() == [35.5, 36.5]
    assert all(len(table.accuracy(name, split)) == 2 for name in DATASETS for split in ("valid_12", "test"))
    assert table.params_m.tolist() == pytest.approx([0.1, 1.1])
    assert table.flops_m.tolist() == [8, 9]
    shown = coernas("nb201", "show", "data/nb201/nb201.npz").output
    assert "architectures  2" in shown
    assert "latency        none" in shown


def test_an_official_directory_that_is_not_whole(tmp_path: Path) -> None:
    write_official_directory(tmp_path / "NATS")
    file = tmp_path / "NATS" / "000001.pickle.pbz2"
    file.write_bytes(file.read_bytes()[:40])
    found = coernas("nb201", "import", "NATS")
    assert found.exit_code == 2
    assert "architecture 1 of 2 cannot be read" in found.output
    file.unlink()
    assert "is the directory unpacked completely?" in coernas("nb201", "import", "NATS").output
    (tmp_path / "NATS" / "meta.pickle.pbz2").unlink()
    assert "not a NATS-Bench topology directory" in coernas("nb201", "import", "NATS").output
    assert not Path("nb201").exists()


def write_official_directory(folder: Path) -> None:
    """Two architectures with two seeds each, in the files of NATS-Bench, written with its package."""
    api = pytest.importorskip("nats_bench")
    folder.mkdir()
    api.pickle_save({"meta_archs": list(ARCHITECTURES)}, folder / "meta.pickle")
    accuracies = {
        ("cifar10-valid", "x-valid"): 50,
        ("cifar10", "ori-test"): 60,
        ("cifar100", "x-valid"): 30,
        ("cifar100", "x-test"): 35,
        ("ImageNet16-120", "x-valid"): 20,
        ("ImageNet16-120", "x-test"): 25,
    }
    for index, text in enumerate(ARCHITECTURES):
        by_epochs = {}
        for epochs in (12, 200):
            arch = api.ArchResults(index, text)
            for dataset in dict.fromkeys(name for name, _ in accuracies):
                for seed in (777, 888):
                    config = {"arch_str": text}
                    result = api.ResultsCount(
                        dataset, None, {0: 0.0}, {0: 0.0}, 0.1 + index, 8.0 + index, config, seed, 1, None
                    )
                    for (name, split), accuracy in accuracies.items():
                        if name == dataset:
                            value = accuracy + index + (10 if epochs == 200 else 0) + (1 if seed == 888 else 0)
                            result.update_OLD_eval(split, {0: value}, {0: 0.0})
                    arch.update(dataset, seed, result)
            by_epochs[str(epochs)] = arch.state_dict()
        api.pickle_save(by_epochs, folder / f"{index:06d}.pickle")


def test_without_its_package_the_official_directory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats_bench", None)
    found = coernas("nb201", "import", "anywhere")
    assert found.exit_code == 2
    assert "pip install nats-bench" in found.output


def test_a_table_in_csv_is_the_same_table(tmp_path: Path) -> None:
    columns = {
        "arch": np.array(ARCHITECTURES),
        "cifar10/test": np.array([10.0, 90.0]),
        "cifar10/params_m": np.array([0.1, 0.5]),
        "cifar10/flops_m": np.array([1.0, 50.0]),
        "hw/edgegpu_energy": np.array([5.5, -1.0]),
    }
    path = tmp_path / "table.csv"
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    table = TabularBenchmark.load(path)
    assert table.accuracy("cifar10").tolist() == [10, 90]
    assert table.energy_mj["edgegpu"][0] == 5.5
    assert np.isnan(table.energy_mj["edgegpu"][1])
    path.write_text(path.read_text().replace("90.0", "ninety"))
    with pytest.raises(DataError, match=r"column 'cifar10/test' does not hold a number in every row"):
        TabularBenchmark.load(path)
    path.write_text("arch\n")
    with pytest.raises(DataError, match="has no rows"):
        TabularBenchmark.load(path)


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "compare", interrupted)
    found = coernas("compare", "small.toml", "--seeds", "2", "--evaluations", "12")
    assert found.exit_code == 130
    assert "go on by giving the same command again (results/runs/compare-small)" in found.output


@pytest.mark.usefixtures("table_here")
def test_ctrl_c_ends_searches_on_a_table_at_once_and_what_is_done_is_kept() -> None:
    many = ("nb201-edgegpu", "--algorithms", "hd-duaas,nsga2", "--seeds", "500", "--workers", "2", "--out", "c")
    process = subprocess.Popen(
        [sys.executable, "-m", "coernas_moo.cli.main", "compare", *many],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(Path("c").glob("searches/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors == "coernas: interrupted; go on by giving the same command again (c)\n"
    assert list(Path("c").glob("searches/*.json"))


def test_a_comparison_is_no_run_and_one_that_is_not_judged_is_left_out_of_a_summary() -> None:
    good("search", "small.toml", "--generations", "1")
    small = ("compare", "small.toml", "--seeds", "1", "--evaluations", "6", "--algorithms", "random,nsga2")
    good(*small)
    good(*small, "--out", "results/runs/compare-unjudged")
    Path("results/runs/compare-unjudged/comparison.json").unlink()
    assert "small-1" in good("show").output
    assert [row["run"] for row in json.loads(good("runs", "--json").stdout)] == ["small-1"]
    assert "a comparison, not a run" in refused("show", "results/runs/compare-small")
    both = good("summary", "results/runs/compare-small", "results/runs/compare-unjudged")
    assert "left out, for 'compare' has not judged it yet" in both.stderr
    assert both.stdout == good("summary", "results/runs/compare-small").stdout
    assert "no comparison.json" in refused("summary", "results/runs/compare-unjudged")
    Path("file").touch()
    assert "file: cannot be made" in refused("summary", "results/runs/compare-small", "--out", "file")
