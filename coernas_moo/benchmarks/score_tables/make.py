"""From raw values to tables: what each of the published tables needs, measured where it is missing."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from coernas_moo.benchmarks.correlation import AZ_NAS, SCORE
from coernas_moo.benchmarks.proxy_cost import Fidelity, proxy_costs
from coernas_moo.benchmarks.score_tables.correlations import TableRow, nominal_counts, rows_of, table1_rows, table2_rows
from coernas_moo.benchmarks.score_tables.measurements import ALIKE, AS_PUBLISHED, ON_IMAGES
from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues, measure
from coernas_moo.benchmarks.score_tables.selections import (
    BUILT,
    RANDOM_SEARCH,
    SCORED,
    Selection,
    read_selections,
    table3_selections,
    table5_selections,
    write_selections,
)
from coernas_moo.datasets import guess
from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.files import write_atomically

COSTS = "costs"
"""Name under which the costs of proxies are measured again."""

Progress = Callable[[str], Callable[[int, int], None]]
"""Given what is done, who is told (done, of how many)."""


@dataclass(frozen=True)
class Ground:
    """Where tables are made from.

    Args:
        table: accuracies.
        values: folder of raw values and costs.
        workers: processes.
        again: what is to be measured anew: names of measurements, or `costs`.
        alike: measured at the score's fidelity; the score's dimensions among them.
        as_published: measured at the literature's.
        on_images: the same on real images, compared with the first of `as_published`.
        images: folder of these; without it, what was measured on images before counts.
        cost_networks: cells on which costs are measured.
        progress: given what is done, returns who is told about it.
    """

    table: TabularBenchmark
    values: Path
    workers: int
    again: tuple[str, ...] = ()
    alike: tuple[Measurement, ...] = ALIKE
    as_published: tuple[Measurement, ...] = AS_PUBLISHED
    on_images: Measurement = ON_IMAGES
    images: Path | None = None
    cost_networks: int = 20
    progress: Progress | None = None

    def __post_init__(self) -> None:
        known = [COSTS, *(m.name for m in (*self.alike, *self.as_published, self.on_images))]
        for name in self.again:
            if name not in known:
                raise CoernasError(f"--again {name}: there is no such part; choose from {', '.join(known)}")

    def on(self, cells: int | None) -> Ground:
        """The same with the literature's proxies on so many random architectures at most."""
        if cells is None:
            return self
        alike = tuple(m if m == self.ours else _at_most(m, cells) for m in self.alike)
        return replace(
            self,
            alike=alike,
            as_published=tuple(_at_most(m, cells) for m in self.as_published),
            on_images=_at_most(self.on_images, cells),
        )

    def with_progress(self, progress: Progress) -> Ground:
        """The same, and `progress` is told."""
        return replace(self, progress=progress)

    @property
    def ours(self) -> Measurement:
        """That of the score's dimensions."""
        return next(m for m in self.alike if set(SCORE.proxies) <= set(m.proxies))

    def told(self, what: str) -> Callable[[int, int], None] | None:
        """Who listens to the progress of `what`."""
        return None if self.progress is None else self.progress(what)

    def measured(self, measurements: Sequence[Measurement]) -> list[RawValues]:
        """Complete measurements."""
        return [
            measure(
                self.table,
                measurement,
                self.values,
                workers=self.workers,
                images=None if self.images is None or not measurement.images else _batch(self.images, measurement),
                again=measurement.name in self.again,
                on_candidate=self.told(f"measuring {measurement.name}"),
            )
            for measurement in measurements
        ]

    def costs(self) -> Mapping[str, float]:
        """Milliseconds a candidate by proxy, and of the fusions `score` and `az_nas`; kept in `costs.csv`."""
        names = tuple(name for m in self.alike for name in m.proxies)
        groups: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
        groups |= {f.name: f.proxies for f in (AZ_NAS, SCORE) if set(f.proxies) <= set(names)}
        path = self.values / f"{COSTS}.csv"
        if path.exists() and COSTS not in self.again:
            with path.open(encoding="utf-8", newline="") as file:
                known = {row["proxy"]: float(row["milliseconds"]) for row in csv.DictReader(file)}
            if set(groups) <= set(known):
                return known
        fidelity = Fidelity(self.ours.cells, self.ours.size, self.ours.batch)
        found = proxy_costs(list(groups.values()), self.cost_networks, fidelity=fidelity).tolist()
        costs = dict(zip(groups, found, strict=True))
        lines = ["proxy,milliseconds", *(f"{name},{value:.3f}" for name, value in costs.items())]
        write_atomically(path, "\n".join(lines) + "\n")
        return costs


@dataclass(frozen=True)
class Table1:
    """What the page shows.

    Args:
        rows: at the score's fidelity.
        check: at the literature's, to hold against published values.
        on_noise, on_images: some of these on the same cells, with Gaussian and with real images; empty without such.
        measured: what all are made of.
        costs: milliseconds a candidate by proxy or fusion.
    """

    rows: list[TableRow]
    check: list[TableRow]
    on_noise: list[TableRow]
    on_images: list[TableRow]
    measured: list[RawValues]
    costs: Mapping[str, float]


def table1(ground: Ground) -> Table1:
    """Rank correlations of all proxies."""
    alike = ground.measured(ground.alike)
    published = ground.measured(ground.as_published)
    check = nominal_counts(ground.table)
    for raw in published:
        fusions = [AZ_NAS] if set(AZ_NAS.proxies) <= set(raw.measurement.proxies) else []
        check += [row for row in rows_of(ground.table, raw, fusions) if row.name not in ("params", "flops")]
    on_noise, on_images = [], []
    if ground.images is not None or ground.on_images.csv(ground.values).exists():
        (images,) = ground.measured([ground.on_images])
        on_images = rows_of(ground.table, images)
        on_noise = rows_of(ground.table, published[0].first(len(images.rows)))
        published.append(images)
    rows = table1_rows(ground.table, alike)
    return Table1(rows, check, on_noise, on_images, [*alike, *published], ground.costs())


def table2(ground: Ground) -> list[TableRow]:
    """Rank correlations of every subset of the dimensions."""
    return table2_rows(ground.table, ground.measured([ground.ours])[0])


def table3(
    ground: Ground, folder: Path, seeds: int, built: int, again: Sequence[str] = ()
) -> tuple[list[Selection], Mapping[str, float]]:
    """Searches by every proxy, and what a candidate costs in milliseconds.

    Args:
        ground: where from.
        folder: keeps the searches that are done in `table3.csv`; those by another score than now's are made anew.
        seeds: searches a row.
        built: how many real searches by the score.
        again: methods whose searches are made anew.
    """
    raw = ground.measured(ground.alike)
    costs = ground.costs()
    kept, score = folder / "table3.csv", folder / "table3.json"
    of_score = (RANDOM_SEARCH, SCORED, BUILT)
    same = score.exists() and score.read_text(encoding="utf-8") == ground.ours.protocol
    stale = {*again, *(of_score if SCORED in again or not same else ())}
    known = [s for s in read_selections(kept) if s.method not in stale and s.seed <= seeds]
    if not same:
        write_selections(known, kept)
        write_atomically(score, ground.ours.protocol)
    found = table3_selections(
        raw,
        seeds=seeds,
        built=built,
        workers=ground.workers,
        known=known,
        keep=lambda selections: write_selections(selections, kept),
        on_search=ground.told("searching"),
    )
    names = [s.method for s in found if s.method not in of_score]
    order = {name: place for place, name in enumerate(dict.fromkeys([*names, *of_score]))}
    found = sorted(found, key=lambda s: (order[s.method], s.seed))
    write_selections(found, kept)
    return found, costs


def table5(ground: Ground, seeds: int) -> tuple[list[Selection], float]:
    """Searches with every preset, and what a candidate of the score costs in milliseconds."""
    raw = ground.measured([ground.ours])
    return table5_selections(
        raw, seeds=seeds, workers=ground.workers, on_search=ground.told("searching")
    ), ground.costs()[SCORE.name]


def _at_most(measurement: Measurement, cells: int) -> Measurement:
    return replace(measurement, cells_drawn=min(cells, measurement.cells_drawn or cells))


def _batch(path: Path, measurement: Measurement) -> Tensor:
    """Images of a folder at the size of the measurement."""
    images = guess(path).open(Path.cwd()).batch(measurement.batch, 0)
    return torch.nn.functional.interpolate(images, (measurement.size, measurement.size), mode="area")
