"""What refinement gains, on a table whose accuracies are made up."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from coernas_moo.benchmarks.refinement import RANDOM, SEARCH, SPACED, TOP, RefinedPick, refined_picks, write_picks
from coernas_moo.benchmarks.score_tables.measurements import OURS
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.errors import DataError
from coernas_moo.evaluation.tabular import Column, TabularBenchmark
from coernas_moo.proxies import DIMENSIONS, PROXIES
from coernas_moo.reporting.refine_page import refine_page

SPACE = OURS.space


@pytest.fixture(scope="module")
def full(table: TabularBenchmark) -> TabularBenchmark:
    short = table.accuracy("cifar10", "valid") - 5
    return replace(table, accuracies={**table.accuracies, Column("cifar10", "valid_12"): short})


@pytest.fixture(scope="module")
def raw(table: TabularBenchmark) -> RawValues:
    every = np.stack(np.unravel_index(np.arange(SPACE.size()), SPACE.cardinalities), axis=1)
    texts = tuple(sorted({SPACE.to_text(SPACE.canonical(genotype)) for genotype in every}))
    accuracy = table.accuracy("cifar10", "valid")[[table.row(text) for text in texts]]
    rng, zeros = np.random.default_rng(0), np.zeros(0, dtype=np.int64)
    values = {(n, s): 1e-3 * (accuracy + rng.normal(0, 4.0, len(texts))) for n in DIMENSIONS for s in OURS.seeds}
    return RawValues(OURS, texts, zeros, zeros, values, 0.0)


@pytest.fixture(scope="module")
def picks(full: TabularBenchmark, raw: RawValues) -> list[RefinedPick]:
    return refined_picks(full, raw, seeds=2, candidates=8, last=3, workers=2)


def slow_candidates(raw: RawValues, seed: int, least: int) -> list[str]:
    """Of 1,000 random cells, the 8 best by score that differ from better ones in at least so many genes."""
    drawn = SPACE.sample(1000, np.random.default_rng(seed))
    texts = sorted({SPACE.to_text(SPACE.canonical(genotype)) for genotype in drawn})
    at = [raw.texts.index(text) for text in texts]
    initialisation = OURS.seeds[seed % len(OURS.seeds)]
    score = np.zeros(len(texts))
    for name in DIMENSIONS:
        score += PROXIES[name].weight * np.log(rankdata(raw.values[name, initialisation][at]) / len(texts))
    chosen: list[str] = []
    for position in np.argsort(-score, kind="stable"):
        genes = SPACE.from_text(texts[position])
        if len(chosen) < 8 and all(np.count_nonzero(genes != SPACE.from_text(other)) >= least for other in chosen):
            chosen.append(texts[position])
    return chosen


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("rule", "least"), [(TOP, 0), (SPACED, 3)])
def test_picks_of_random_cells_are_those_of_a_slow_reference(
    picks: list[RefinedPick], full: TabularBenchmark, raw: RawValues, rule: str, least: int, seed: int
) -> None:
    (pick,) = (p for p in picks if (p.source, p.rule, p.seed) == (RANDOM, rule, seed))
    rows = [full.row(text) for text in slow_candidates(raw, seed, least)]
    valid = full.accuracy("cifar10", "valid")[rows]
    assert pick.candidates == len(rows) == 8
    assert (pick.before, pick.valid_before) == (full.architectures[rows[0]], pytest.approx(valid[0]))
    assert pick.valid_after == pytest.approx(valid.max())
    assert pick.test_after == pytest.approx(valid.max() - 1)


def test_every_archive_is_refined_by_both_rules_from_the_same_network(picks: list[RefinedPick]) -> None:
    assert [(p.source, p.rule, p.seed) for p in picks] == [
        (source, rule, seed) for source in (SEARCH, RANDOM) for rule in (TOP, SPACED) for seed in (1, 2)
    ]
    for top, spaced in zip(picks[0:2] + picks[4:6], picks[2:4] + picks[6:8], strict=True):
        assert top.before == spaced.before
        assert min(top.valid_after, spaced.valid_after) >= top.valid_before


def test_the_page_has_means_of_each_rule_and_names_the_shipped_one(picks: list[RefinedPick], tmp_path: Path) -> None:
    page = refine_page(picks, 8, 3, "coernas bench refine")
    for rule, shown in ((TOP, f"**{TOP}**"), (SPACED, SPACED)):
        mean = np.mean([p.test_after for p in picks if p.source == SEARCH and p.rule == rule])
        assert f"|  | {shown} | {mean:.2f}±" in page
    gains = [p.test_after - p.test_before for p in picks if p.source == SEARCH and p.rule == TOP]
    assert f"({sum(g > 0 for g in gains)}, {sum(g < 0 for g in gains)})" in page.partition("What it changes")[2]
    assert f"| {TOP} | odd | {picks[0].test_after:.2f}±0.00 |" in page
    write_picks(picks, tmp_path / "picks.csv")
    with (tmp_path / "picks.csv").open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["after"] for row in written] == [pick.after for pick in picks]


def test_a_table_without_short_trainings_is_refused(table: TabularBenchmark, raw: RawValues) -> None:
    with pytest.raises(DataError, match="valid_12"):
        refined_picks(table, raw, seeds=1)
