"""Comparisons: equal terms, nothing twice, resumed where they stopped, judged by the truth."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymoo.core.termination import NoTermination
from pymoo.indicators.hv import Hypervolume
from runs import TINY

from coernas_moo.benchmarks import ground as module
from coernas_moo.benchmarks.comparison import Comparison, compare
from coernas_moo.benchmarks.searching import Plan
from coernas_moo.benchmarks.tabular_problem import Reference, TabularProblem
from coernas_moo.benchmarks.trajectory import Trajectory
from coernas_moo.config import ProblemFile, load_problem, parse_problem
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.journal import read_all
from coernas_moo.evaluation.tabular import DATA_VARIABLE, TabularBenchmark
from coernas_moo.evaluation.workers import WorkerPool
from coernas_moo.reporting.comparison_document import read_comparison
from coernas_moo.reporting.comparison_plots import attainment_figure, write_pictures
from coernas_moo.reporting.comparison_tables import (
    HEAD,
    comparison_basis,
    comparison_csv,
    comparison_document,
    comparison_json,
    comparison_latex,
    comparison_markdown,
    statistics_csv,
    write_comparison,
)
from coernas_moo.reporting.format import axis_title
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.presets import effective_preset

ALL = ("hd-duaas", "nsga2", "nsga2-sbx", "random", "regularized-evolution", "sms-emoa", "moead", "mixed-ga")


def built_problem(folder: Path, **overrides: object) -> ProblemFile:
    return parse_problem(TINY, "tiny.toml", folder, {"search.population": 8, **overrides})


def table_problem(**overrides: object) -> ProblemFile:
    changes = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_problem("nb201-edgegpu", {"search.population": 20, **changes})


def searches(directory: Path) -> dict[str, list[str]]:
    return {path.stem: json.loads(path.read_text())["texts"] for path in sorted((directory / "searches").iterdir())}


@pytest.fixture(scope="module")
def compared(made_up_table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """All algorithms, three seeds, a hundred evaluations, on the made-up table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(made_up_table))
        directory = tmp_path_factory.mktemp("compared") / "all"
        return compare(Plan(table_problem(), ALL, 3, 100), directory, workers=1), directory


def test_budgets_are_equal_and_no_network_counts_twice(compared: tuple[Comparison, Path]) -> None:
    found = searches(compared[1])
    assert len(found) == len(ALL) * 3
    assert {len(texts) for texts in found.values()} == {100}
    assert {len(set(texts)) for texts in found.values()} == {100}


def test_first_populations_are_equal(compared: tuple[Comparison, Path]) -> None:
    found = searches(compared[1])
    for seed in (1, 2, 3):
        first = {tuple(found[f"{name}-{seed}-100"][:20]) for name in ALL}
        assert len(first) == 1
    assert found["nsga2-1-100"][:20] != found["nsga2-2-100"][:20]


def test_curves_rise_to_the_final_share_of_the_true_front(compared: tuple[Comparison, Path], table_here: None) -> None:
    comparison, directory = compared
    assert comparison.exact
    problem = TabularProblem(table_problem())
    texts = searches(directory)["nsga2-2-100"]
    columns = [problem.table_costs.columns[o.name] for o in problem.archive.objectives]
    values = np.stack(columns, axis=1)[[problem.table.row(text) for text in texts]]
    standing = comparison.standings["nsga2"]
    assert standing.final[1] == pytest.approx(problem.reference.share(values))
    assert standing.best[1] == values[:, 0].min()
    for each in comparison.standings.values():
        assert (np.diff(each.hypervolumes, axis=1) >= -1e-12).all()
        assert (each.final <= 1 + 1e-12).all()
        for target, reached in zip((0.95, 0.99), each.to_target, strict=True):
            for curve, evaluations in zip(each.hypervolumes, reached, strict=True):
                passed = comparison.checkpoints[curve >= target]
                assert evaluations == (passed[0] if len(passed) else np.inf)
    assert sum(comparison.ranks.values()) == pytest.approx(len(ALL) * (len(ALL) + 1) / 2)


def test_an_interrupted_comparison_goes_on_and_ends_the_same(
    compared: tuple[Comparison, Path], table_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(table_problem(), ("hd-duaas", "random"), 3, 100)
    told: list[tuple[int, int]] = []

    def interrupt(done: int, of: int) -> None:
        told.append((done, of))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(plan, tmp_path / "c", workers=1, on_run=interrupt)
    assert told == [(1, 6), (2, 6)]
    again: list[int] = []
    found = compare(plan, tmp_path / "c", workers=2, on_run=lambda done, _: again.append(done))
    assert again == [3, 4, 5, 6]
    for name, standing in found.standings.items():
        assert np.array_equal(standing.hypervolumes, compared[0].standings[name].hypervolumes)

    def never(*arguments: object) -> Trajectory:
        raise AssertionError("searched again")

    monkeypatch.setattr(module, "search_once", never)
    compare(plan, tmp_path / "c", workers=1)
    # A budget of its own is a comparison of its own, in the same place.
    with pytest.raises(AssertionError, match="searched again"):
        compare(Plan(table_problem(), ("random",), 1, 50), tmp_path / "c", workers=1)


def test_another_problem_needs_another_place(compared: tuple[Comparison, Path], table_here: None) -> None:
    with pytest.raises(RunError, match=r"search.population was 20, is 10; give another --out"):
        compare(Plan(table_problem(search__population=10), ("random",), 1, 100), compared[1], workers=1)


def test_workers_may_change_from_one_call_to_the_next(table_here: None, tmp_path: Path) -> None:
    plan = Plan(table_problem(), ("random",), 1, 30)
    first = compare(plan, tmp_path / "c", workers=1)
    other = Plan(table_problem(evaluation__workers=3), ("random",), 1, 30)
    assert compare(other, tmp_path / "c", workers=2).standings["random"].final == first.standings["random"].final


def test_a_first_population_that_limits_keep_small_stops_no_algorithm(table_here: None, tmp_path: Path) -> None:
    allowed = float(np.sort(TabularBenchmark.load().latency_ms["edgegpu"])[11])
    problem = table_problem(limits=[f"latency:edgegpu <= {allowed!r}"])
    found = compare(Plan(problem, ALL, 1, 60), tmp_path / "c", workers=1)
    assert all(len(fronts[0]) for fronts in found.fronts.values())
    assert all(len(texts) <= 12 for texts in searches(tmp_path / "c").values())


def test_a_search_that_cannot_be_read_is_named(table_here: None, tmp_path: Path) -> None:
    plan = Plan(table_problem(), ("random",), 1, 30)
    compare(plan, tmp_path / "c", workers=1)
    (tmp_path / "c" / "searches" / "random-1-30.json").write_text("{}")
    with pytest.raises(RunError, match=r"random-1-30\.json: cannot be read .* delete it"):
        compare(plan, tmp_path / "c", workers=1)


@pytest.mark.parametrize(
    ("algorithms", "message"), [(("nsga2", "nsga2"), "listed twice"), (("nsga3",), "no algorithm named 'nsga3'")]
)
def test_what_cannot_be_compared_is_said(algorithms: tuple[str, ...], message: str) -> None:
    with pytest.raises(CoernasError, match=message):
        Plan(load_problem("nb201-edgegpu"), algorithms, 1, 10)


def test_networks_that_are_built_are_built_once(tmp_path: Path) -> None:
    problem = built_problem(tmp_path)
    found = compare(Plan(problem, ("nsga2", "random"), 2, 24), tmp_path / "c", workers=1)
    everything = [text for texts in searches(tmp_path / "c").values() for text in texts]
    records = read_all(tmp_path / "c" / "journal.sqlite")
    assert len(everything) == 4 * 24
    assert sorted(record.text for record in records) == sorted(set(everything))
    assert not found.exact
    together = np.concatenate([front for fronts in found.fronts.values() for front in fronts])
    assert found.reference.share(together) == pytest.approx(1)
    # Scores are ranks, better when higher.
    assert 0 < found.standings["nsga2"].best.min() <= found.standings["nsga2"].best.max() <= 1


def test_searches_side_by_side_find_the_same_and_go_on_where_they_stopped(tmp_path: Path) -> None:
    plan = Plan(built_problem(tmp_path), ("hd-duaas", "nsga2", "random"), 2, 24)
    alone = compare(plan, tmp_path / "alone", workers=1)

    def interrupt(done: int, of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(plan, tmp_path / "c", workers=2, on_run=interrupt)
    assert not multiprocessing.active_children()
    assert len(searches(tmp_path / "c")) == 2
    found = compare(plan, tmp_path / "c", workers=2)
    assert searches(tmp_path / "c") == searches(tmp_path / "alone")
    for name, standing in found.standings.items():
        assert np.array_equal(standing.hypervolumes, alone.standings[name].hypervolumes)
    texts = [[record.text for record in read_all(tmp_path / name / "journal.sqlite")] for name in ("c", "alone")]
    # What was in work when it was interrupted is evaluated then, and nothing twice.
    assert sorted(texts[0]) == sorted(texts[1])


def test_what_another_comparison_scored_is_not_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = built_problem(tmp_path)
    first = compare(Plan(problem, ("random",), 2, 24), tmp_path / "first", workers=1)
    other = built_problem(tmp_path, objectives=["score", "macs"])
    monkeypatch.setattr(WorkerPool, "submit", None)
    found = compare(Plan(other, ("random",), 2, 24), tmp_path / "second", workers=2, scores_of=tmp_path / "first")
    assert searches(tmp_path / "second") == searches(tmp_path / "first")
    assert np.array_equal(found.standings["random"].best, first.standings["random"].best)


def test_a_seed_that_found_nothing_counts_as_worst(table_here: None, tmp_path: Path) -> None:
    errors = TabularProblem(table_problem()).table_costs.columns["error:cifar10"]
    limited = table_problem(limits=[f"error:cifar10 <= {np.quantile(errors, 0.2):.3f}"], search__population=4)
    found = compare(Plan(limited, ("random",), 8, 4), tmp_path / "c", workers=1)
    best = found.standings["random"].best
    # Four networks of a seed all break the limit with a probability of .4.
    assert 0 < np.isinf(best).sum() < 6
    assert found.summary("random", "best").low == np.quantile(np.where(np.isinf(best), 1e9, best), 0.25)


def test_a_front_of_extremes_is_said_to_have_no_hypervolume(compared: tuple[Comparison, Path]) -> None:
    assert "hypervolume as a share of the true front" in comparison_basis(compared[0])
    extremes = replace(compared[0], reference=Reference(np.array([[0.0, 2.0], [2.0, 0.0]])))
    assert "the share of the points that is attained, of the true front" in comparison_basis(extremes)


def test_a_training_free_search_is_judged_by_the_true_error(table_here: None, tmp_path: Path) -> None:
    changes = {"search.population": 8, "evaluation.workers": 1, "score.batch": 4, "score.size": 8}
    problem = load_problem("nb201-edgegpu-free", changes)
    found = compare(Plan(problem, ("nsga2", "random"), 1, 24), tmp_path / "c", workers=1)
    assert found.objectives == ("error:cifar10", "latency:edgegpu")
    assert found.exact
    true = TabularProblem(load_problem("nb201-edgegpu"))
    assert found.reference.hypervolume == pytest.approx(true.reference.hypervolume)
    rows = np.stack([true.table_costs.columns[name] for name in found.objectives], axis=1)
    assert all((rows == point).all(axis=1).any() for point in found.fronts["nsga2"][0])
    # The same searches, judged by what they looked for.
    again = compare(Plan(problem, ("nsga2", "random"), 1, 24, as_searched=True), tmp_path / "c", workers=1)
    assert again.objectives == ("score", "latency:edgegpu")
    assert not again.exact
    together = np.concatenate([front for fronts in again.fronts.values() for front in fronts])
    assert again.reference.share(together) == pytest.approx(1)
    assert 0 < again.standings["nsga2"].best[0] <= 1


def test_tables_say_the_same_in_every_format(compared: tuple[Comparison, Path]) -> None:
    comparison = compared[0]
    document = json.loads(comparison_json(comparison))
    assert document["format"] == "coernas-comparison-1"
    assert document["algorithms"]["nsga2"]["hypervolume"] == comparison.standings["nsga2"].final.tolist()
    fronts = document["algorithms"]["nsga2"]["fronts"]
    assert [sorted(front.tolist()) for front in comparison.fronts["nsga2"]] == fronts
    assert len(document["reference"]) == len(comparison.reference.front)
    true = np.array(document["reference"])
    assert document["ideal"] == true.min(axis=0).tolist()
    assert document["nadir"] == true.max(axis=0).tolist()
    volume = Hypervolume(ref_point=np.ones(2))((true - true.min(axis=0)) / np.ptp(true, axis=0))
    assert document["reference_hypervolume"] == pytest.approx(volume)
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison))))
    assert [(row["algorithm"], row["seed"]) for row in rows[:3]] == [("hd-duaas", str(s)) for s in (1, 2, 3)]
    assert float(rows[0]["hypervolume_100"]) == pytest.approx(comparison.standings["hd-duaas"].final[0], abs=1e-6)
    statistics = {row["algorithm"]: row for row in csv.DictReader(io.StringIO(statistics_csv(comparison)))}
    assert list(statistics) == list(ALL)
    assert float(statistics["nsga2"]["hypervolume_median"]) == np.median(comparison.standings["nsga2"].final)
    (contest,) = [one for one in document["contests"] if one["rival"] == "nsga2"]
    assert float(statistics["nsga2"]["p_holm"]) == contest["p"]
    assert statistics["hd-duaas"]["p_holm"] == ""
    assert float(statistics["random"]["rank"]) == document["ranks"]["random"]
    markdown = comparison_markdown(comparison)
    assert markdown.count("\n| ") == len(ALL)
    assert document["verdict"] in markdown
    latex = comparison_latex(comparison)
    assert latex.count(r" \\") == len(ALL) + 1
    assert all(line.count(" & ") == len(HEAD) - 1 for line in latex.splitlines() if line.endswith(r"\\"))
    comment, *lines_of_table = latex.splitlines()
    assert comment.startswith("% nb201-edgegpu: Medians (quartiles) of 3 seeds")
    assert not any("%" in line.replace(r"\%", "") for line in lines_of_table)


def test_files_and_pictures_are_written(compared: tuple[Comparison, Path], tmp_path: Path) -> None:
    write_comparison(compared[0], tmp_path)
    write_pictures(compared[0], tmp_path)
    assert read_comparison(tmp_path / "comparison.json") == comparison_document(compared[0])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *(f"comparison.{suffix}" for suffix in ("md", "tex", "csv", "statistics.csv", "json")),
        *(f"{name}.{suffix}" for name in ("convergence", "attainment") for suffix in ("png", "svg")),
    }
    drawn = (tmp_path / "attainment.svg").read_text()
    assert "mathdefault" not in drawn + (tmp_path / "convergence.svg").read_text()


def test_five_objectives_have_an_attainment_surface_for_each_pair_with_the_first(
    table_here: None, tmp_path: Path
) -> None:
    problem = load_problem("nb201-mop5", {"search.population": 20})
    found = compare(Plan(problem, ("hd-duaas", "moead"), 2, 60), tmp_path / "c", workers=1)
    write_pictures(found, tmp_path)
    assert (tmp_path / "convergence.png").exists()
    figure = attainment_figure(found)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == [axis_title(name) for name in problem.objectives[1:]]
    for axes, cost in zip(shown, range(1, 5), strict=True):
        drawn = axes.collections[-1].get_offsets()
        pairs = found.reference.front[:, [cost, 0]]
        slow = [p for p in pairs if not any((q <= p).all() and (q < p).any() for q in pairs)]
        assert sorted(map(tuple, np.asarray(drawn).tolist())) == sorted(set(map(tuple, np.array(slow).tolist())))
    assert (tmp_path / "attainment.png").exists()


def test_screened_offspring_come_in_batches_that_make_up_a_generation(table_here: None) -> None:
    settings = table_problem(search__population=12)
    problem = TabularProblem(settings)
    algorithm = ALGORITHMS["hd-duaas"](problem, effective_preset(settings.search))
    algorithm.setup(problem, termination=NoTermination(), seed=1)
    sizes, generation = [], 0
    while len(sizes) < 9:
        offspring = algorithm.ask()
        algorithm.evaluator.eval(problem, offspring)
        algorithm.tell(infills=offspring)
        sizes.append(len(offspring))
        generation += algorithm.left == 0
    assert sizes == [12, 3, 3, 3, 3, 3, 3, 3, 3]
    assert generation == 3
    assert problem.archive.evaluations == 36
