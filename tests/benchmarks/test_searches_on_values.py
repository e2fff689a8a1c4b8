"""Searches that look values of proxies up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli

from coernas_moo.benchmarks.correlation import SCORE, Fusion
from coernas_moo.benchmarks.score_tables import selections
from coernas_moo.benchmarks.score_tables.looked_up import (
    Job,
    LookedUp,
    by_text,
    random_cells,
    run_jobs,
    score_problem,
    search_values,
)
from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.networks.layers import Shape
from coernas_moo.proxies import DIMENSIONS
from coernas_moo.search.run import Run
from coernas_moo.spaces import NASBench201

SPACE = NASBench201(Shape(3, 32, 32), 10)


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
