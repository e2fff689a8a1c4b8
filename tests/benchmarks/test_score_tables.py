"""The published tables, on a few cells of a table whose accuracies are made up."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from PIL import Image
from scipy.stats import kendalltau, rankdata

from coernas_moo.benchmarks.correlation import AZ_NAS, SCORE
from coernas_moo.benchmarks.score_tables import make, selections
from coernas_moo.benchmarks.score_tables.correlations import rows_of, subsets, table1_rows, table2_rows
from coernas_moo.benchmarks.score_tables.looked_up import (
    random_cells,
)
from coernas_moo.benchmarks.score_tables.measurements import ALIKE, ALL, AS_PUBLISHED, CLASSIC
from coernas_moo.benchmarks.score_tables.published import CORRELATIONS, ELSEWHERE, EXPLANATIONS, SELECTED
from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues, measure
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.proxies import DIMENSIONS, PROXIES
from coernas_moo.reporting.score_tables import table1_page

SMALL = {"size": 8, "batch": 4, "cells_drawn": 12}


OURS = Measurement("score", DIMENSIONS, (0, 1), size=8, batch=4)


TERMS = Measurement("terms", (*AZ_NAS.proxies, "flops"), **SMALL)


ON_IMAGES = Measurement("images", ("snip", "grad_norm"), size=8, batch=4, nominal=True, cells_drawn=3, images=True)


LISTED = Measurement("listed", ("params", "snip"), nominal=True, **SMALL)


@pytest.fixture(scope="module")
def raw(table: TabularBenchmark, tmp_path_factory: pytest.TempPathFactory) -> RawValues:
    return measure(table, replace(OURS, cells_drawn=12), tmp_path_factory.mktemp("values"), workers=1)


def test_rows_are_what_scipy_says(raw: RawValues, table: TabularBenchmark) -> None:
    rows = rows_of(table, raw, [SCORE])
    assert [row.name for row in rows] == [*DIMENSIONS, "score"]
    accuracies = table.accuracy("cifar10")[raw.rows]
    expected = []
    for seed in (0, 1):
        values = [raw.of_rows(name, seed) for name in DIMENSIONS]
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


def test_bad_input(made_up_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COERNAS_DATA", raising=False)
    result = CliRunner().invoke(cli, ["bench", "table2", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "coernas nb201 import" in result.stderr
    assert not (tmp_path / "out").exists()
    table = ("--table", str(made_up_table / "nb201" / "nb201.npz"))
    (tmp_path / "file").touch()
    for arguments, message in (
        (("--out", str(tmp_path / "file" / "out")), "cannot be made"),
        (("--out", str(tmp_path / "out"), "--again", "x"), "there is no such part"),
    ):
        result = CliRunner().invoke(cli, ["bench", "table2", *table, *arguments])
        assert result.exit_code == 2
        assert message in result.stderr
    assert not (tmp_path / "out").exists()
