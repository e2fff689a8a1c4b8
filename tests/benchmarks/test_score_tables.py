"""The published tables, on a few cells of a table whose accuracies are made up."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from PIL import Image
from scipy.stats import kendalltau, rankdata

from coernas_moo.benchmarks.correlation import AZ_NAS, SCORE, Fusion
from coernas_moo.benchmarks.proxy_cost import Fidelity, against_az_nas, proxy_costs
from coernas_moo.benchmarks.score_tables import make, selections
from coernas_moo.benchmarks.score_tables.correlations import rows_of, subsets, table1_rows, table2_rows
from coernas_moo.benchmarks.score_tables.looked_up import (
    Job,
    LookedUp,
    by_text,
    random_cells,
    run_jobs,
    score_problem,
    search_values,
)
from coernas_moo.benchmarks.score_tables.measurements import ALIKE, ALL, AS_PUBLISHED, CLASSIC
from coernas_moo.benchmarks.score_tables.published import CORRELATIONS, ELSEWHERE, EXPLANATIONS, SELECTED
from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues, measure, read_values
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies import DIMENSIONS, PROXIES, score
from coernas_moo.reporting.score_tables import table1_page
from coernas_moo.search.run import Run
from coernas_moo.spaces import NASBench201
from coernas_moo.testing.tables import write_made_up_table

SPACE = NASBench201(Shape(3, 32, 32), 10)
SMALL = {"size": 8, "batch": 4, "cells_drawn": 12}
OURS = Measurement("score", DIMENSIONS, (0, 1), size=8, batch=4)
TERMS = Measurement("terms", (*AZ_NAS.proxies, "flops"), **SMALL)
ON_IMAGES = Measurement("images", ("snip", "grad_norm"), size=8, batch=4, nominal=True, cells_drawn=3, images=True)
LISTED = Measurement("listed", ("params", "snip"), nominal=True, **SMALL)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TabularBenchmark:
    folder = tmp_path_factory.mktemp("table")
    write_made_up_table(folder)
    return TabularBenchmark.load(folder / "nb201" / "nb201.npz")


@pytest.fixture(scope="module")
def raw(table: TabularBenchmark, tmp_path_factory: pytest.TempPathFactory) -> RawValues:
    return measure(table, replace(OURS, cells_drawn=12), tmp_path_factory.mktemp("values"), workers=1)


def test_values_are_those_of_the_score(raw: RawValues, table: TabularBenchmark) -> None:
    space = OURS.space
    row = int(raw.rows[3])
    text = space.to_text(space.canonical(space.from_text(table.architectures[row])))
    expected = score(space.build(space.from_text(text)), (3, 8, 8), 10, batch=4, seed=1)
    for name in DIMENSIONS:
        assert raw.of_rows(name, 1)[3] == pytest.approx(expected[name], rel=1e-8)
    assert len(raw.rows) == 12
    assert len(set(raw.texts)) == len(raw.texts) <= 12


def test_networks_as_listed_keep_their_dead_edges(table: TabularBenchmark, tmp_path: Path) -> None:
    listed = measure(table, LISTED, tmp_path, workers=1)
    assert listed.texts == tuple(table.architectures[row] for row in listed.rows)
    for row, params in zip(listed.rows, listed.of_rows("params", 0), strict=True):
        genotype = LISTED.space.from_text(table.architectures[row])
        assert params == LISTED.space.params(genotype)


def test_an_interrupted_measurement_goes_on(table: TabularBenchmark, tmp_path: Path) -> None:
    measurement = Measurement("flops", ("flops",), (0, 1), **SMALL)
    whole = measure(table, measurement, tmp_path, workers=1)
    path = measurement.csv(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:10], encoding="utf-8")
    calls: list[tuple[int, int]] = []
    again = measure(table, measurement, tmp_path, workers=1, on_candidate=lambda *told: calls.append(told))
    total = 2 * len(whole.texts)
    assert calls[0] == (5, total)
    assert calls[-1] == (total, total)
    assert np.array_equal(whole.of_rows("flops", 1), again.of_rows("flops", 1))
    assert len(read_values(path, ("flops",))) == total


def test_a_larger_sample_goes_on_with_a_smaller_one(table: TabularBenchmark, tmp_path: Path) -> None:
    small = Measurement("flops", ("flops",), size=8, batch=4, cells_drawn=5)
    first = measure(table, small, tmp_path, workers=1)
    calls: list[tuple[int, int]] = []
    more = measure(
        table, replace(small, cells_drawn=9), tmp_path, workers=1, on_candidate=lambda *told: calls.append(told)
    )
    assert np.array_equal(more.rows[:5], first.rows)
    assert len(calls) == len(more.texts) - len(first.texts)
    fewer = measure(table, small, tmp_path, workers=1)
    assert fewer.texts == first.texts


def test_values_measured_otherwise_are_refused(table: TabularBenchmark, tmp_path: Path) -> None:
    measurement = Measurement("flops", ("flops",), **{**SMALL, "cells_drawn": 2})
    measure(table, measurement, tmp_path, workers=1)
    changed = replace(measurement, formulas=2)
    with pytest.raises(RunError, match="--again flops"):
        measure(table, changed, tmp_path, workers=1)
    calls: list[tuple[int, int]] = []
    measure(table, changed, tmp_path, workers=1, again=True, on_candidate=lambda *told: calls.append(told))
    assert len(calls) == 2
    with pytest.raises(CoernasError, match="no-such"):
        measure(table, replace(measurement, proxies=("no-such",)), tmp_path, workers=1)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made"):
        measure(table, measurement, tmp_path / "file", workers=1)


def test_a_network_that_fails_has_no_values(table: TabularBenchmark, tmp_path: Path) -> None:
    from coernas_moo.proxies import register_proxy

    @register_proxy("broken", needs=(), source="a test")
    def broken(trace: object) -> float:
        """Fails."""
        raise ValueError

    found = measure(table, Measurement("broken", ("broken",), **{**SMALL, "cells_drawn": 2}), tmp_path, workers=1)
    assert np.isnan(found.of_rows("broken", 0)).all()


def test_rows_are_what_scipy_says(raw: RawValues, table: TabularBenchmark) -> None:
    rows = rows_of(table, raw, [SCORE])
    assert [row.name for row in rows] == [*DIMENSIONS, "score"]
    accuracies = table.accuracy("cifar10")[raw.rows]
    expected = []
    for seed in (0, 1):
        values = [np.minimum(raw.of_rows(name, seed), PROXIES[name].saturation) for name in DIMENSIONS]
        ranks = rankdata(values, axis=1) / len(raw.rows)
        fused = np.array([PROXIES[name].weight for name in DIMENSIONS]) @ np.log(ranks)
        expected.append(kendalltau(fused, accuracies).statistic)
    assert rows[-1].quality.tau == pytest.approx(np.mean(expected))
    assert rows[-1].tau_std == pytest.approx(np.std(expected, ddof=1))
    assert rows[-1].gap == pytest.approx(rows[-1].quality.tau - 0.7120)
    assert rows[0].gap is None


def test_subsets_are_all_of_them(raw: RawValues, table: TabularBenchmark) -> None:
    names = [fusion.name for fusion in subsets()]
    assert len(set(names)) == 15 + 11
    rows = table2_rows(table, raw)
    assert sorted(row.name for row in rows) == sorted(names)
    whole = next(row for row in rows if row.name == " + ".join(DIMENSIONS))
    assert whole.quality == next(row for row in table1_rows(table, [raw]) if row.name == "score").quality


def test_every_proxy_is_in_the_tables() -> None:
    literature = {name for name in PROXIES.names() if "classic" in PROXIES[name].function.__module__}
    assert literature == set(CLASSIC)
    assert {name for m in ALIKE for name in m.proxies} == {*CLASSIC, *DIMENSIONS}
    assert len(ALL) == len(ALIKE) + len(AS_PUBLISHED) + 1
    known = {*CLASSIC, "az_nas", "score"}
    assert {*CORRELATIONS, *ELSEWHERE, *EXPLANATIONS} <= known
    assert set(SELECTED) <= {*known, "random", "optimum"}


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, float]]:
    """Values of all functions by which the best is known: the number of convolutions 3x3, then of all edges."""
    every = np.stack(np.unravel_index(np.arange(SPACE.size()), SPACE.cardinalities), axis=1)
    texts = {SPACE.to_text(SPACE.canonical(genotype)) for genotype in every}
    return {text: {"snip": text.count("nor_conv_3x3") - 0.01 * text.count("none")} for text in texts}


def test_a_search_on_values_finds_the_best(values: dict[str, dict[str, float]]) -> None:
    found = search_values(Job(Fusion("snip", ("snip",)), "hd-duaas", 1, 4, 300), values)
    assert found.selected.count("nor_conv_3x3") == 6
    assert found.evaluations == 300
    assert search_values(Job(Fusion("snip", ("snip",)), "hd-duaas", 1, 4, 300), values).selected == found.selected


def test_looked_up_records(values: dict[str, dict[str, float]]) -> None:
    looked_up = LookedUp(ClosedFormCosts(score_problem(SCORE, 4), SPACE, Path("none")), values, ("snip",))
    texts = sorted(values)[:3]
    genotypes = [SPACE.from_text(text) for text in texts]
    records = looked_up.finish(looked_up.begin(genotypes, lambda record: record.text != texts[1]))
    assert [record and record.text for record in records] == [texts[0], texts[1], None]
    assert records[0] is not None
    assert records[0].proxies == values[texts[0]]


def test_where_few_are_known_a_sample_is_searched(values: dict[str, dict[str, float]]) -> None:
    few = dict(sorted(values.items())[:100])
    job = Job(Fusion("snip", ("snip",)), "hd-duaas", 1, 4, 1000)
    found = search_values(job, few)
    assert found.evaluations == 100
    assert few[found.selected]["snip"] == max(value["snip"] for value in few.values())
    assert search_values(replace(job, evaluations=10), few).evaluations == 10


def made_up(
    values: dict[str, dict[str, float]], names: tuple[str, ...], name: str, seeds: tuple[int, ...]
) -> RawValues:
    texts = tuple(sorted(values))
    rng = np.random.default_rng(0)
    base = np.array([values[text]["snip"] for text in texts])
    columns = {(n, seed): base + 0.01 * rng.normal(size=len(texts)) for n in names for seed in seeds}
    zeros = np.zeros(0, dtype=np.int64)
    return RawValues(Measurement(name, names, seeds), texts, zeros, zeros, columns, 0.0)


def test_initialisations_take_turns(values: dict[str, dict[str, float]]) -> None:
    ours, other = made_up(values, DIMENSIONS, "score", (0, 1)), made_up(values, ("snip",), "other", (0,))
    text = ours.texts[7]
    for seed, used in ((0, 0), (1, 1), (2, 0)):
        known = by_text([ours, other], SCORE, seed)[text]
        assert known["isotropy"] == ours.values["isotropy", used][7]
    assert by_text([ours, other], Fusion("snip", ("snip",)), 5)[text]["snip"] == other.values["snip", 0][7]


def test_workers_do_not_change_searches(values: dict[str, dict[str, float]]) -> None:
    raw = [made_up(values, ("snip",), "other", (0,))]
    jobs = [Job(Fusion("snip", ("snip",)), "random", seed, 4, 60) for seed in (1, 2)]
    one, two = run_jobs(jobs, raw, 1), run_jobs(jobs, raw, 2)
    assert [found.selected for found in one] == [found.selected for found in two]


def test_a_real_search_selects_what_coernas_search_does(tmp_path: Path) -> None:
    found = selections.real_search(3, workers=1, evaluations=12)
    arguments = ["search", "nb201", "--set", 'objectives=["score"]', "--evaluations", "12", "--seed", "3"]
    result = CliRunner().invoke(cli, [*arguments, "--set", "evaluation.workers=1", "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert found.architecture == Run(tmp_path / "run").pick("best").text
    assert (found.evaluations, found.how) == (12, "built")
    assert score_problem(SCORE, 4).objectives == ("score",)


def test_random_cells_are_uniform_and_fixed() -> None:
    assert random_cells(3) == random_cells(4)[:3]
    assert len(set(random_cells(20))) > 15


@pytest.fixture
def ground(table: TabularBenchmark, tmp_path: Path) -> make.Ground:
    alike = (replace(OURS, cells_drawn=12), TERMS)
    return make.Ground(
        table,
        tmp_path / "values",
        1,
        alike=alike,
        as_published=(LISTED,),
        on_images=ON_IMAGES,
        cost_networks=1,
        progress=lambda what: _quiet,
    )


def _quiet(done: int, total: int) -> None:
    assert done <= total


def test_table1(ground: make.Ground) -> None:
    found = make.table1(ground)
    assert [row.name for row in found.rows] == [*TERMS.proxies, "az_nas", *DIMENSIONS, "score"]
    assert [row.name for row in found.check] == ["params", "flops", "snip"]
    assert found.check[0].architectures == len(ground.table)
    assert found.costs["score"] > 0
    page = table1_page(found, "coernas bench table1")
    assert "## Images instead of noise" not in page
    assert "| **score** |" in page
    assert "- `params`: " in page
    kept = make.table1(replace(ground, progress=None))
    assert kept.costs == {name: round(value, 3) for name, value in found.costs.items()}
    assert kept.rows == found.rows


def test_images_instead_of_noise(ground: make.Ground, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    found = make.table1(replace(ground, images=tmp_path / "images"))
    assert [row.name for row in found.on_images] == ["snip", "grad_norm"]
    assert {row.architectures for row in (*found.on_noise, *found.on_images)} == {3}
    page = table1_page(found, "coernas bench table1")
    assert "## Images instead of noise" in page
    assert "4 CIFAR-10 images of 8x8" in page
    assert "| snip |" in page
    assert make.table1(ground).on_images == found.on_images
    with pytest.raises(CoernasError, match="give --images"):
        make.table1(replace(ground, on_images=replace(ON_IMAGES, cells_drawn=9)))


def test_costs_are_measured_again_on_request(ground: make.Ground) -> None:
    path = ground.values / "costs.csv"
    ground.values.mkdir(parents=True)
    path.write_text("proxy,milliseconds\nscore,1000000\n", encoding="utf-8")
    assert ground.costs()["score"] < 1e6
    names = [line.partition(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    path.write_text("proxy,milliseconds\n" + "".join(f"{name},1000000\n" for name in names), encoding="utf-8")
    assert ground.costs()["score"] == 1e6
    assert replace(ground, again=("costs",)).costs()["score"] < 1e6


def test_parts_that_do_not_exist(ground: make.Ground) -> None:
    with pytest.raises(CoernasError, match="--again snip: there is no such part; choose from costs, score, terms"):
        replace(ground, again=("snip",))


def test_fewer_cells_of_the_literature(ground: make.Ground) -> None:
    fewer = ground.on(5)
    assert [m.cells_drawn for m in (*fewer.alike, *fewer.as_published, fewer.on_images)] == [12, 5, 5, 3]
    assert ground.on(None) is ground


def test_table3_keeps_what_it_has(ground: make.Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: list[int] = []

    def search(seed: int, workers: int) -> selections.Selection:
        real.append(seed)
        return selections.Selection("score (built)", seed, random_cells(1)[0], 5, 1.5, "built")

    monkeypatch.setattr(selections, "real_search", search)
    found, _ = make.table3(ground, tmp_path, 2, 2)
    assert real == [1, 2]
    methods = ["random", *TERMS.proxies, "az_nas", selections.RANDOM_SEARCH, "score", "score (built)"]
    assert list(dict.fromkeys(s.method for s in found)) == methods
    assert [s.seed for s in found[:2]] == [1, 2]
    assert {s.how for s in found} == {"drawn", "sampled", "built"}
    again, _ = make.table3(ground, tmp_path, 2, 2)
    assert real == [1, 2]
    assert [s.architecture for s in again] == [s.architecture for s in found]
    make.table3(ground, tmp_path, 2, 2, ("score",))
    assert real == [1, 2, 1, 2]
    (tmp_path / "table3.json").write_text("another score", encoding="utf-8")
    make.table3(ground, tmp_path, 2, 2)
    assert real == [1, 2] * 3
    assert selections.read_selections(tmp_path / "none.csv") == []


def test_table5(ground: make.Ground) -> None:
    found, cost = make.table5(ground, 2)
    assert [s.method for s in found] == [f"preset {number}" for number in range(1, 6) for _ in range(2)]
    assert cost > 0


@pytest.fixture
def small(ground: make.Ground, monkeypatch: pytest.MonkeyPatch, table: TabularBenchmark) -> Callable[..., str]:
    """Runs a command on the small ground; gives what it printed."""
    monkeypatch.setattr(
        make,
        "Ground",
        lambda _, values, workers, again, images: replace(ground, values=values, again=again, images=images),
    )
    monkeypatch.setattr(TabularBenchmark, "load", classmethod(lambda cls, path=None: table))

    def real(seed: int, workers: int) -> selections.Selection:
        return selections.Selection("score (built)", seed, random_cells(1)[0], 5, 1.5, "built")

    monkeypatch.setattr(selections, "real_search", real)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["bench", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_commands(small: Callable[..., str], tmp_path: Path) -> None:
    values = ("--values", str(tmp_path / "values"))
    for name in ("table1", "table2", "table3", "table5"):
        out = tmp_path / name
        options = ("--seeds", "2") if name in ("table3", "table5") else ()
        assert small(name, "--out", str(out), *values, *options) == f"wrote {out / name}.md\n"
        page = (out / f"{name}.md").read_text(encoding="utf-8")
        assert f"coernas bench {name}" in page
        assert not [line for line in page.splitlines() if len(line) > 120 and line[0] != "|"]
        with (out / f"{name}.csv").open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) > 8
    assert "--cells 5" in _page(small, tmp_path, "table1", "--cells", "5")


def _page(small: Callable[..., str], tmp_path: Path, name: str, *options: str) -> str:
    small(name, "--out", str(tmp_path / "other"), "--values", str(tmp_path / "values"), *options)
    return (tmp_path / "other" / f"{name}.md").read_text(encoding="utf-8")


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COERNAS_DATA", raising=False)
    result = CliRunner().invoke(cli, ["bench", "table2", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "coernas nb201 import" in result.stderr
    assert not (tmp_path / "out").exists()
    write_made_up_table(tmp_path)
    table = ("--table", str(tmp_path / "nb201" / "nb201.npz"))
    (tmp_path / "file").touch()
    for arguments, message in (
        (("--out", str(tmp_path / "file" / "out")), "cannot be made"),
        (("--out", str(tmp_path / "out"), "--again", "x"), "there is no such part"),
    ):
        result = CliRunner().invoke(cli, ["bench", "table2", *table, *arguments])
        assert result.exit_code == 2
        assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_az_nas_at_its_fidelity_costs_more() -> None:
    small, large = Fidelity(1, 8, 4), Fidelity(2, 16, 8)
    found = against_az_nas(2, rounds=1, ours=small, theirs=large)
    assert found.ratio_low <= found.ratio <= found.ratio_high
    assert found.az_nas_ms > found.bare_ms > 0
    assert found.ratio > 1
    for networks, rounds in ((0, 1), (1, 0)):
        with pytest.raises(CoernasError, match="at least 1"):
            against_az_nas(networks, rounds=rounds)


def test_costs_of_groups() -> None:
    costs = proxy_costs([("flops",), ("flops", "vkdnw")], 1, rounds=1, fidelity=Fidelity(1, 8, 4))
    assert costs.shape == (2,)
    assert costs[1] > costs[0] > 0


def test_command_prints_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    from coernas_moo.benchmarks import proxy_cost

    found = against_az_nas(1, rounds=1, ours=Fidelity(1, 8, 4), theirs=Fidelity(1, 8, 4))
    monkeypatch.setattr(proxy_cost, "against_az_nas", lambda networks, seed, rounds: found)
    result = CliRunner().invoke(cli, ["bench", "az-nas", "--networks", "1"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ratio"] == found.ratio
    assert document["protocol"]["fidelity"]["az_nas"] == {"cells": 5, "size": 32, "batch": 64}
