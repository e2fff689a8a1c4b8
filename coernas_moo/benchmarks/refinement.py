"""What refinement gains on NAS-Bench-201, where every accuracy is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from coernas_moo.benchmarks.correlation import SCORE
from coernas_moo.benchmarks.score_tables.looked_up import SHAPE, LookedUp, Proxies, by_text, score_problem
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.benchmarks.searching import Plan, search_once
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.process_pool import process_pool
from coernas_moo.evaluation.record import Record
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.files import write_atomically
from coernas_moo.nb201 import DATASETS
from coernas_moo.refinement.candidates import by_score, choose
from coernas_moo.refinement.on_table import columns_of, pick_from_table
from coernas_moo.search.archive import Archive
from coernas_moo.spaces import SearchSpace

SEARCH, RANDOM = "search", "random"
TOP, SPACED = "best by score", "half the genes apart"
EVALUATIONS = 1000


@dataclass(frozen=True)
class RefinedPick:
    """One refinement.

    Args:
        source: of the archive: `search`, or `random` cells.
        rule: how candidates were chosen.
        seed: of the archive.
        dataset: whose validation accuracies decided.
        candidates: number of them.
        before, after: architecture with the best score, and the one that was left.
        test_before, test_after, valid_before, valid_after: accuracies after 200 epochs in per cent.
    """

    source: str
    rule: str
    seed: int
    dataset: str
    candidates: int
    before: str
    after: str
    test_before: float
    test_after: float
    valid_before: float
    valid_after: float


def refined_picks(
    table: TabularBenchmark,
    raw: RawValues,
    *,
    seeds: int = 20,
    candidates: int = 20,
    last: int = 5,
    workers: int = 1,
    on_seed: Callable[[int, int], None] | None = None,
) -> list[RefinedPick]:
    """Refinements of archives with seeds 1 to `seeds`, by both rules, on every data set of the table.

    Archives are those of a search by the score (HD-DUAAS, preset 4, at most 1,000 networks), and of 1,000 random cells;
    values of the score's dimensions are looked up, initialisations in turn.

    Args:
        table: with accuracies after 12 epochs.
        raw: values of the score's dimensions.
        seeds: how many.
        candidates: of each refinement.
        last: of them that are looked at after 200 epochs.
        workers: processes.
        on_seed: told (done, of how many).

    Raises:
        DataError: the table lacks a column.
    """
    datasets = [name for name in DATASETS if any(column.dataset == name for column in table.accuracies)]
    for dataset in datasets:
        columns_of(table, dataset)
    found: list[RefinedPick] = []
    with process_pool(workers, _begin, (table, raw)) as pool:
        jobs = [(seed, candidates, last, datasets) for seed in range(1, seeds + 1)]
        for done, picks in enumerate(pool.map(_of_seed, jobs), start=1):
            found += picks
            if on_seed is not None:
                on_seed(done, seeds)
    order = {name: place for place, name in enumerate((SEARCH, RANDOM, TOP, SPACED, *datasets))}
    return sorted(found, key=lambda one: (order[one.source], order[one.rule], one.seed, order[one.dataset]))


def write_picks(picks: Sequence[RefinedPick], path: Path) -> None:
    """As CSV; raises `RunError` where the file cannot be written."""
    names = [field.name for field in fields(RefinedPick)]
    lines = [",".join(names)]
    for pick in picks:
        values = [getattr(pick, name) for name in names]
        lines.append(",".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in values))
    write_atomically(path, "\n".join(lines) + "\n")


_HELD: list[tuple[TabularBenchmark, RawValues]] = []


def _begin(table: TabularBenchmark, raw: RawValues) -> None:
    _HELD[:] = [(table, raw)]


def _of_seed(job: tuple[int, int, int, Sequence[str]]) -> list[RefinedPick]:
    seed, candidates, last, datasets = job
    table, raw = _HELD[0]
    values = by_text([raw], SCORE, seed)
    found = []
    for source in (SEARCH, RANDOM):
        archive = _archive(source, seed, values)
        space = score_problem(SCORE, 4).space_settings.build(SHAPE, 10)
        for rule, texts in ((TOP, choose(archive, candidates)), (SPACED, _spaced(archive, space, candidates))):
            rows = [table.row(text) for text in texts]
            top = table.row(by_score(archive)[0])
            for dataset in datasets:
                short, full = columns_of(table, dataset)
                left = pick_from_table(rows, short, full, last)
                test = table.accuracy(dataset)
                found.append(
                    RefinedPick(
                        source,
                        rule,
                        seed,
                        dataset,
                        len(rows),
                        table.architectures[top],
                        table.architectures[left],
                        float(test[top]),
                        float(test[left]),
                        float(100 * full[top]),
                        float(100 * full[left]),
                    )
                )
    return found


def _spaced(archive: Archive, space: SearchSpace, count: int) -> list[str]:
    """The best by score that differ from better ones in half of their genes; where too few do, in one gene less."""
    order = by_score(archive)
    codes = np.stack([space.from_text(text) for text in order])
    chosen: list[int] = []
    for least in range(math.ceil(codes.shape[1] / 2), 0, -1):
        for place in range(len(order)):
            if len(chosen) < count and ((codes[chosen] != codes[place]).sum(axis=1) >= least).all():
                chosen.append(place)
    return [order[place] for place in sorted(chosen)]


def _archive(source: str, seed: int, values: Proxies) -> Archive:
    problem = score_problem(SCORE, 4)
    space = problem.space_settings.build(SHAPE, 10)
    if source == RANDOM:
        drawn = space.sample(EVALUATIONS, np.random.default_rng(seed))
        texts = tuple(dict.fromkeys(space.to_text(space.canonical(genotype)) for genotype in drawn))
        first = None
    else:
        costs = ClosedFormCosts(problem, space, Path("no-snapshot"))
        plan = Plan(problem, ("hd-duaas",), 1, EVALUATIONS)
        found = search_once(plan, "hd-duaas", seed, space, LookedUp(costs, values, SCORE.proxies))
        texts, first = found.texts, found.first
    archive = Archive.of(problem, first)
    archive.add(Record(text, values[text], tries=1) for text in texts)
    return archive
