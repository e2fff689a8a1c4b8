from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from numpy.typing import NDArray

from coernas_moo.benchmarks import correlation
from coernas_moo.benchmarks.correlation import SCORE, Fusion, Protocol, correlate, population
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.tabular import Column, TabularBenchmark, save_columns
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies import DIMENSIONS, fuse_proxies
from coernas_moo.reporting.correlation import rows_as_dicts, write_correlation
from coernas_moo.spaces import NASBench201

SPACE = NASBench201(Shape(3, 8, 8), 10, channels=4, cells=1)


@pytest.fixture(scope="module")
def table() -> TabularBenchmark:
    """Forty architectures, their accuracies made from their MACs."""
    rng = np.random.default_rng(0)
    texts = tuple(dict.fromkeys(SPACE.to_text(g) for g in SPACE.sample(40, rng)))
    macs = np.array([SPACE.macs(SPACE.from_text(text)) for text in texts], dtype=float)
    accuracy = 50 + 40 * macs / macs.max()
    columns = {Column(name, "test"): accuracy for name in ("cifar10", "cifar100")}
    return TabularBenchmark(texts, columns, macs, macs, {}, {})


PROTOCOL = Protocol(
    ("regularity", "isotropy"),
    (SCORE, Fusion("pair", ("isotropy", "regularity"), 1.0)),
    datasets=("cifar10", "cifar100"),
    seeds=(0, 1),
    batch=4,
    size=8,
    channels=4,
)


def test_rows_are_what_the_scores_say(table: TabularBenchmark, tmp_path: Path) -> None:
    result = correlate(table, PROTOCOL, tmp_path / "journal.sqlite", workers=1, resamples=20)
    assert [(row.name, row.dataset) for row in result.rows] == [
        (name, dataset) for name in ("regularity", "isotropy", "score", "pair") for dataset in ("cifar10", "cifar100")
    ]
    assert result.rows[0].quality.tau > 0.95
    assert all(row.tau_low - 1e-9 <= row.quality.tau <= row.tau_high + 1e-9 for row in result.rows)
    assert result.architectures == len(table)
    assert result.functions == len({SPACE.to_text(SPACE.canonical(SPACE.from_text(t))) for t in table.architectures})
    columns = np.stack([result.scores[name, 1] for name in DIMENSIONS], axis=1)
    assert np.array_equal(result.scores["score", 1], fuse_proxies(DIMENSIONS, columns, 0.0))


def test_the_interval_ranks_as_the_estimate_does(
    table: TabularBenchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = correlation._evaluate

    def with_holes(*arguments: Any) -> Any:
        values, seconds = evaluate(*arguments)
        for (name, _), column in values.items():
            if name == "regularity":
                column[:2] = np.nan, np.inf
        return values, seconds

    monkeypatch.setattr(correlation, "_evaluate", with_holes)
    result = correlate(table, PROTOCOL, tmp_path / "journal.sqlite", workers=1, resamples=20)
    for row in result.rows:
        if row.name == "regularity":
            assert row.tau_low <= row.quality.tau <= row.tau_high


def test_a_fusion_has_a_name_of_its_own(table: TabularBenchmark, tmp_path: Path) -> None:
    for fusion in (Fusion("isotropy", DIMENSIONS), PROTOCOL.fusions[1]):
        twice = replace(PROTOCOL, fusions=(*PROTOCOL.fusions, fusion))
        with pytest.raises(CoernasError, match=f"fusion '{fusion.name}': a proxy or another fusion has that name"):
            correlate(table, twice, tmp_path / "journal.sqlite", workers=1)
    assert not list(tmp_path.iterdir())


def test_equal_functions_share_a_score_and_nothing_is_evaluated_twice(table: TabularBenchmark, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    first = correlate(
        table, PROTOCOL, tmp_path / "j.sqlite", workers=2, on_candidate=lambda *c: calls.append(c), resamples=5
    )
    assert calls[-1] == (2 * first.functions, 2 * first.functions)
    assert len(calls) == 2 * first.functions
    calls.clear()
    again = correlate(
        table, PROTOCOL, tmp_path / "j.sqlite", workers=1, on_candidate=lambda *c: calls.append(c), resamples=5
    )
    assert not calls
    assert again.rows == first.rows
    by_function: dict[str, set[float]] = {}
    for text, value in zip(table.architectures, first.scores["isotropy", 0], strict=True):
        by_function.setdefault(SPACE.to_text(SPACE.canonical(SPACE.from_text(text))), set()).add(float(value))
    assert all(len(values) == 1 for values in by_function.values())


def test_halves_split_functions(table: TabularBenchmark) -> None:
    halves = [population(table, SPACE, Protocol((), half=half)) for half in (1, 2)]
    assert sorted([*halves[0][0], *halves[1][0]]) == list(range(len(table)))
    assert set(halves[0][1]).isdisjoint(halves[1][1])


def test_a_sample_and_the_living(table: TabularBenchmark) -> None:
    rows, texts = population(table, SPACE, Protocol((), population="10"))
    assert len(rows) == len(texts) == 10
    alive, _ = population(table, SPACE, Protocol((), population="alive"))
    for i in range(len(table)):
        genotype = SPACE.from_text(table.architectures[i])
        assert (i in alive) == np.array_equal(SPACE.without_dead_edges(genotype), genotype)
    with pytest.raises(CoernasError, match="population '1'"):
        population(table, SPACE, Protocol((), population="1"))


@pytest.mark.parametrize("text", ["pair", "=isotropy", "pair=", "pair=isotropy@x", "pair=isotropy@nan"])
def test_fusions_that_cannot_be_read(text: str) -> None:
    with pytest.raises(CoernasError, match="NAME=PROXY"):
        Fusion.parse(text)


def test_files(table: TabularBenchmark, tmp_path: Path) -> None:
    result = correlate(table, PROTOCOL, tmp_path / "journal.sqlite", workers=1, resamples=5)
    write_correlation(result, table, tmp_path)
    with (tmp_path / "correlation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["tau"]) for row in rows] == [row["tau"] for row in rows_as_dicts(result)]
    assert json.loads((tmp_path / "protocol.json").read_text())["functions"] == result.functions
    for name in ("scatter.png", "radar.png"):
        assert (tmp_path / name).stat().st_size > 5000


def _columns(table: TabularBenchmark) -> dict[str, NDArray[np.generic]]:
    columns: dict[str, NDArray[np.generic]] = {"arch": np.array(table.architectures)}
    columns |= {f"cifar10/{key}": table.params_m for key in ("params_m", "flops_m")}
    return columns | {str(name): values for name, values in table.accuracies.items()}


def test_command(table: TabularBenchmark, tmp_path: Path) -> None:
    save_columns(_columns(table), tmp_path / "table.npz")
    arguments = ["correlate", "--table", str(tmp_path / "table.npz"), "--datasets", "cifar10", "--seeds", "0"]
    arguments += ["--batch", "4", "--size", "8", "--channels", "4", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert {row["name"] for row in json.loads(result.stdout)["rows"]} == {*DIMENSIONS, "score"}
    for seeds in ("one", "-1", "0,", ""):
        wrong = CliRunner().invoke(cli, [*arguments, "--seeds", seeds])
        assert wrong.exit_code == 2, seeds
        assert "whole numbers from 0" in wrong.stderr


def test_a_seed_given_twice_counts_once(table: TabularBenchmark, tmp_path: Path) -> None:
    save_columns(_columns(table), tmp_path / "table.npz")
    arguments = ["correlate", "--table", str(tmp_path / "table.npz"), "--datasets", "cifar10", "--seeds", "0,0"]
    arguments += ["--batch", "4", "--size", "8", "--channels", "4", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "protocol.json").read_text())["seeds"] == [0]
