"""Tables 1 and 2: how well proxies, and every subset of the dimensions, rank the cells of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from coernas_moo.benchmarks.correlation import AZ_NAS, SCORE, Fusion
from coernas_moo.benchmarks.ranking import RankingQuality, ranking_quality
from coernas_moo.benchmarks.score_tables.published import CORRELATIONS, DATASETS
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.proxies import DIMENSIONS, fuse_proxies


@dataclass(frozen=True)
class TableRow:
    """One proxy or fusion on one data set.

    Args:
        name: of the proxy or fusion.
        dataset: whose test accuracies are ranked.
        architectures: of the table, over which ranks are taken.
        seeds: initialisations; measures are means over them.
        quality: the measures.
        tau_std: standard deviation of tau over initialisations.
    """

    name: str
    dataset: str
    architectures: int
    seeds: int
    quality: RankingQuality
    tau_std: float

    @property
    def gap(self) -> float | None:
        """Tau minus the published one; None where nothing is published."""
        known = CORRELATIONS.get(self.name)
        return None if known is None else self.quality.tau - known.tau[DATASETS.index(self.dataset)]

    def flat(self) -> dict[str, object]:
        """As a line of a CSV file."""
        head = {"name": self.name, "dataset": self.dataset, "architectures": self.architectures, "seeds": self.seeds}
        known = CORRELATIONS.get(self.name)
        published = "" if known is None else known.tau[DATASETS.index(self.dataset)]
        return {**head, **asdict(self.quality), "tau_std": self.tau_std, "tau_published": published}


def rows_of(
    table: TabularBenchmark, raw: RawValues, fusions: Sequence[Fusion] = (), split: str = "test"
) -> list[TableRow]:
    """A row for every proxy of a measurement, then for every fusion, on every data set that the table holds."""
    rows = []
    seeds = raw.measurement.seeds
    for name, columns in _columns(raw, fusions).items():
        for dataset in datasets_of(table):
            accuracies = table.accuracy(dataset, split)[raw.rows]
            qualities = [ranking_quality(values, accuracies) for values in columns]
            means = {key: float(np.mean([asdict(q)[key] for q in qualities])) for key in asdict(qualities[0])}
            spread = float(np.std([q.tau for q in qualities], ddof=1)) if len(seeds) > 1 else 0.0
            rows.append(TableRow(name, dataset, len(raw.rows), len(seeds), RankingQuality(**means), spread))
    return rows


def table1_rows(table: TabularBenchmark, measured: Sequence[RawValues]) -> list[TableRow]:
    """All proxies and the fusions that can be made of them; the score's dimensions last, then the score."""
    rows = []
    for raw in sorted(measured, key=lambda raw: SCORE.proxies[0] in raw.measurement.proxies):
        fusions = [fusion for fusion in (AZ_NAS, SCORE) if set(fusion.proxies) <= set(raw.measurement.proxies)]
        rows += rows_of(table, raw, fusions)
    return rows


def nominal_counts(table: TabularBenchmark) -> list[TableRow]:
    """Parameters and FLOPs as the benchmark counts them, dead edges and all, over all of its architectures."""
    rows = []
    for name, counts in (("params", table.params_m), ("flops", table.flops_m)):
        for dataset in datasets_of(table):
            quality = ranking_quality(counts, table.accuracy(dataset))
            rows.append(TableRow(name, dataset, len(table), 1, quality, 0.0))
    return rows


def subsets() -> list[Fusion]:
    """The 15 subsets of the dimensions, geometric and, where there are several dimensions, linear.

    Example:
        >>> [fusion.name for fusion in subsets()][-2:]
        ['robustness + isotropy + uncertainty + regularity', 'robustness + isotropy + uncertainty + regularity, linear']
    """
    found = []
    for size in range(1, len(DIMENSIONS) + 1):
        for chosen in combinations(DIMENSIONS, size):
            found.append(Fusion(" + ".join(chosen), chosen, 0.0))
            if size > 1:
                found.append(Fusion(f"{' + '.join(chosen)}, linear", chosen, 1.0))
    return found


def table2_rows(table: TabularBenchmark, raw: RawValues) -> list[TableRow]:
    """A row for every subset and mean on every data set."""
    wanted = {fusion.name for fusion in subsets()}
    return [row for row in rows_of(table, raw, subsets()) if row.name in wanted]


def datasets_of(table: TabularBenchmark) -> list[str]:
    """Data sets of which the table has test accuracies."""
    return [name for name in DATASETS if any((c.dataset, c.split) == (name, "test") for c in table.accuracies)]


def _columns(raw: RawValues, fusions: Sequence[Fusion]) -> Mapping[str, list[NDArray[np.float64]]]:
    seeds = raw.measurement.seeds
    columns = {name: [raw.of_rows(name, seed) for seed in seeds] for name in raw.measurement.proxies}
    for fusion in fusions:
        columns[fusion.name] = [
            fuse_proxies(fusion.proxies, np.stack([raw.of_rows(n, seed) for n in fusion.proxies], axis=1), fusion.p)
            for seed in seeds
        ]
    return columns
