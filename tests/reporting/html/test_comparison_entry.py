"""A comparison in the report, from the files it left."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from coernas_moo.errors import RunError
from coernas_moo.folders import COMPARISON
from coernas_moo.reporting.comparison_document import (
    FORMAT,
    AlgorithmResult,
    ComparisonDocument,
    ContestResult,
    encode,
)
from coernas_moo.reporting.html.comparison_entry import comparison_entry
from coernas_moo.reporting.html.page import report_page

CURVES = {"ours": [[0.5, 0.9], [0.6, 0.95], [0.7, 1.0]], "<b>theirs": [[0.1, 0.2], [0.2, 0.3], [0.3, 0.4]]}


def document(objectives: int = 2, fronts: bool = True) -> ComparisonDocument:
    def result(name: str) -> AlgorithmResult:
        final = [curve[-1] for curve in CURVES[name]]
        points = [[[1.0 + seed] * objectives, [0.5] + [3.0 + seed] * (objectives - 1)] for seed in range(3)]
        reached: dict[str, list[float | None]] = {"0.95": [None, 20.0, 20.0], "0.99": [None, None, 20.0]}
        return AlgorithmResult(
            final, [0.1, 0.2, None], reached, [1.0, 2.0, None], [0.5, 0.6, 0.7], points if fronts else []
        )

    return ComparisonDocument(
        FORMAT,
        "made-up",
        [f"objective{i}" for i in range(objectives)],
        3,
        20,
        True,
        "ours won against <b>theirs.",
        [ContestResult("<b>theirs", 0.01, 0.9, "won")],
        {"ours": 1.0, "<b>theirs": 2.0},
        {name: result(name) for name in CURVES},
        [[0.5, 2.0], [1.0, 1.0]] if fronts and objectives == 2 else [],
        {"coernas-moo": "0"} if fronts else {},
    )


def write(folder: Path, made: ComparisonDocument, problem: str | None = 'name = "made-up"\n') -> Path:
    folder.mkdir(exist_ok=True)
    (folder / COMPARISON).write_text(encode(made))
    with (folder / "comparison.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["algorithm", "seed", "hypervolume_10", "hypervolume_20"])
        writer.writerows(
            [name, seed + 1, *curve] for name, curves in CURVES.items() for seed, curve in enumerate(curves)
        )
    if problem is not None:
        (folder / "problem.toml").write_text(problem)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "compare-made-up", document())


def test_curves_are_quartiles_of_the_table(folder: Path) -> None:
    data = comparison_entry(folder, "entry-1").data
    assert data.checkpoints == [10, 20]
    for algorithm in data.algorithms:
        expected = np.quantile(np.array(CURVES[algorithm.name]), [0.25, 0.5, 0.75], axis=0)
        assert np.array(algorithm.curve, dtype=float) == pytest.approx(expected, rel=1e-5)
    assert data.algorithms[0].final == [0.9, 0.95, 1]
    assert data.algorithms[0].reached["0.95"] == [None, 20, 20]


def test_surfaces_have_the_cost_first(folder: Path) -> None:
    data = comparison_entry(folder, "entry-1").data
    assert data.reference == [[[2, 0.5], [1, 1]]]
    ((quarter, half, _),) = data.algorithms[0].surfaces
    assert quarter == [[1, 1], [3, 0.5]]
    assert half == [[2, 2], [4, 0.5]]


def test_scores_are_shown_as_they_are(tmp_path: Path) -> None:
    made = document()
    turned = {
        name: replace(result, fronts=[[[-0.5, 2.0], [-0.9, 3.0]]] * 3) for name, result in made.algorithms.items()
    }
    made = replace(made, objectives=["score", "latency:fpga"], algorithms=turned, reference=[[-0.9, 3.0], [-0.5, 2.0]])
    data = comparison_entry(write(tmp_path / "scores", made), "e").data
    assert data.titles == ["score", "latency on fpga, ms"]
    assert data.reference == [[[3, 0.9], [2, 0.5]]]
    assert data.algorithms[0].surfaces[0][1] == [[2, 0.5], [3, 0.9]]


def test_the_table_says_median_and_quartiles(folder: Path) -> None:
    entry = comparison_entry(folder, "entry-1")
    rows = {row[0]: dict(zip(entry.head, row, strict=True)) for row in entry.rows}
    assert rows["ours"]["hypervolume"] == "0.9500 (0.9250 to 0.9750)"
    assert rows["ours"]["to 95%"] == "20 (20 to never)"
    assert rows["ours"]["to 99%"] == "never"
    assert rows["<b>theirs"]["p (Holm)"] == "0.01"
    assert rows["<b>theirs"]["against it"] == "won"
    assert rows["ours"]["against it"] == ""
    assert rows["ours"]["best objective0"] == "–"


def test_best_values_are_told_where_every_search_has_one(tmp_path: Path) -> None:
    made = document()
    known = {name: replace(result, best=[1.0, 2.0, 4.0]) for name, result in made.algorithms.items()}
    entry = comparison_entry(write(tmp_path / "known", replace(made, algorithms=known)), "e")
    assert dict(zip(entry.head, entry.rows[0], strict=True))["best objective0"] == "2.00 (1.50 to 3.00)"


def test_the_command_makes_the_comparison_again(folder: Path) -> None:
    entry = comparison_entry(folder, "entry-1")
    assert entry.command == (
        f"coernas compare {folder}/problem.toml --algorithms 'ours,<b>theirs' --seeds 3 --evaluations 20 "
        f"--out {folder}-again"
    )
    assert entry.problem == 'name = "made-up"\n'


def test_what_was_judged_as_searched_is_so_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "compare-as-searched", replace(document(), as_searched=True))
    assert comparison_entry(folder, "e").command.endswith(f"--out {tmp_path}/compare-again --as-searched")


def test_published_files_without_problem_or_fronts_are_enough(tmp_path: Path) -> None:
    folder = write(tmp_path / "published", document(fronts=False), problem=None)
    entry = comparison_entry(folder, "entry-1")
    assert (entry.problem, entry.data.reference, entry.data.algorithms[0].surfaces) == ("", [], [])
    assert entry.command.startswith("coernas compare made-up ")
    page = report_page([entry])
    assert "The problem file" not in page
    assert "What the searches reach" not in page


def test_three_objectives_have_a_surface_for_each_pair_with_the_first(tmp_path: Path) -> None:
    made = document(objectives=3)
    front = [[0.5, 3.0, 1.0], [0.4, 4.0, 2.0], [0.6, 1.0, 5.0]]
    results = {name: replace(result, fronts=[front] * 3) for name, result in made.algorithms.items()}
    made = replace(made, algorithms=results, reference=front)
    data = comparison_entry(write(tmp_path / "three", made), "e").data
    assert data.reference == [[[3, 0.5], [4, 0.4], [1, 0.6]], [[1, 0.5], [2, 0.4]]]
    for surfaces, corners in zip(
        data.algorithms[0].surfaces, ([[1, 0.6], [3, 0.5], [4, 0.4]], [[1, 0.5], [2, 0.4]]), strict=True
    ):
        assert surfaces == [corners] * 3


def test_names_are_escaped_in_the_page(folder: Path) -> None:
    page = report_page([comparison_entry(folder, "entry-1")])
    assert "<b>" not in page.partition("<script>")[0]
    assert "ours won against &lt;b&gt;theirs." in page


def test_the_published_comparisons_can_be_reported() -> None:
    published = Path(__file__).parents[3] / "results" / "comparison" / "nb201-mop5"
    entry = comparison_entry(published, "entry-1")
    assert entry.data.checkpoints[-1] == entry.data.evaluations
    assert all(algorithm.curve for algorithm in entry.data.algorithms)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda folder: (folder / COMPARISON).write_text("{}"), "not an exported comparison"),
        (lambda folder: (folder / COMPARISON).unlink(), r"comparison\.json: cannot be read"),
        (lambda folder: (folder / "comparison.csv").unlink(), r"comparison\.csv: cannot be read"),
        (lambda folder: (folder / "comparison.csv").write_text("a,hypervolume_10\n1,2\n"), "not the table of a comp"),
        (
            lambda folder: (folder / "comparison.csv").write_text("algorithm,hypervolume_10\nours,much\n"),
            "not the table of a comparison",
        ),
        (
            lambda folder: (folder / COMPARISON).write_text(encode(document()).replace(FORMAT, "coernas-comparison-9")),
            "this version reads",
        ),
    ],
)
def test_broken_files_are_named(broken: Callable[[Path], object], message: str, folder: Path) -> None:
    broken(folder)
    with pytest.raises(RunError, match=message):
        comparison_entry(folder, "entry-1")
