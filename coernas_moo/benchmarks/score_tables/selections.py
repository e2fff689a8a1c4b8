"""Tables 3 and 5: which architecture a search by the score, by another proxy, by chance or with a preset ends with."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec

from coernas_moo.benchmarks.correlation import AZ_NAS, SCORE, Fusion
from coernas_moo.benchmarks.score_tables.looked_up import (
    Job,
    Searched,
    measured_everywhere,
    random_cells,
    run_jobs,
    score_problem,
)
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.files import write_atomically
from coernas_moo.search.loop import run_search
from coernas_moo.search.presets import PRESETS

RANDOM = "random"
RANDOM_SEARCH = "random search by the score"
SCORED = SCORE.name
BUILT = "score (built)"

EVALUATIONS = 1000
"""Budget of every search of table 3."""

OnSearch = Callable[[int, int], None]


@dataclass(frozen=True)
class Selection:
    """One search.

    Args:
        method: by what it selects.
        seed: of the search.
        architecture: selected.
        evaluations: distinct networks.
        seconds: wall time where networks were really built; that of the search alone where values were looked up.
        how: `built` or `looked up`, `sampled` where values of only some cells are known, or `drawn`.
    """

    method: str
    seed: int
    architecture: str
    evaluations: int
    seconds: float
    how: str


def table3_selections(
    raw: Sequence[RawValues],
    *,
    seeds: int,
    built: int,
    workers: int,
    known: Sequence[Selection] = (),
    keep: Callable[[Sequence[Selection]], None] | None = None,
    on_search: OnSearch | None = None,
) -> list[Selection]:
    """Searches of NAS-Bench-201 by every proxy, at most `EVALUATIONS` networks each, with seeds 1 to `seeds`.

    Values are looked up among those that were measured before, initialisations in turn. Besides, the first searches by
    the score are made as a user makes them: networks built and scored with one initialisation, that of the seed.

    Args:
        raw: measurements; proxies that are not measured on all functions select among a sample of those that are.
        seeds: how many.
        built: how many real ones by the score.
        workers: processes.
        known: searches that need not be made again.
        keep: told all selections now and then, to be saved.
        on_search: told (done, of how many).
    """
    names = [name for r in raw for name in r.measurement.proxies if name not in SCORE.proxies]
    fusions = [*(Fusion(name, (name,)) for name in names), *([AZ_NAS] if set(AZ_NAS.proxies) <= set(names) else [])]
    total = seeds * (len(fusions) + 3) + built
    have = {(selection.method, selection.seed): selection for selection in known}
    numbers = range(1, seeds + 1)

    def add(found: Iterable[Selection]) -> None:
        have.update({(selection.method, selection.seed): selection for selection in found})
        if keep is not None:
            keep(list(have.values()))
        if on_search is not None:
            on_search(len(have), total)

    if missing := [seed for seed in numbers if (RANDOM, seed) not in have]:
        cells = random_cells(seeds)
        add(Selection(RANDOM, seed, cells[seed - 1], 1, 0.0, "drawn") for seed in missing)
    for method, fusion in [(fusion.name, fusion) for fusion in fusions] + [(RANDOM_SEARCH, SCORE), (SCORED, SCORE)]:
        algorithm = "random" if method == RANDOM_SEARCH else "hd-duaas"
        jobs = [Job(fusion, algorithm, seed, 4, EVALUATIONS) for seed in numbers if (method, seed) not in have]
        if jobs:
            how = "looked up" if measured_everywhere(raw, fusion) else "sampled"
            add(_selections(method, jobs, run_jobs(jobs, raw, workers), how))
    for seed in range(1, built + 1):
        if (BUILT, seed) not in have:
            add([real_search(seed, workers)])
    return list(have.values())


def table5_selections(
    raw: Sequence[RawValues], *, seeds: int, workers: int, on_search: OnSearch | None = None
) -> list[Selection]:
    """Searches by the score with presets 1 to 5, budgets of population times generations, values looked up."""
    jobs = [
        Job(SCORE, "hd-duaas", seed, number, preset.population * preset.generations)
        for number, preset in PRESETS.items()
        for seed in range(1, seeds + 1)
    ]
    found = []
    for number in PRESETS:
        own = [job for job in jobs if job.preset == number]
        found += _selections(f"preset {number}", own, run_jobs(own, raw, workers), "looked up")
        if on_search is not None:
            on_search(len(found), len(jobs))
    return found


def real_search(seed: int, workers: int, evaluations: int = EVALUATIONS) -> Selection:
    """One search by the score as a user runs it, `coernas search nb201` with the score as its only objective."""
    problem = score_problem(SCORE, 4)
    problem = msgspec.structs.replace(
        problem,
        search=msgspec.structs.replace(problem.search, seed=seed, evaluations=evaluations),
        evaluation=msgspec.structs.replace(problem.evaluation, workers=workers),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = run_search(problem, Path(folder) / "run")
        return Selection(BUILT, seed, run.pick("best").text, run.state.evaluations, run.state.seconds, "built")


def read_selections(path: Path) -> list[Selection]:
    """Those in a CSV file; none where it is absent."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Selection(
                row["method"],
                int(row["seed"]),
                row["architecture"],
                int(row["evaluations"]),
                float(row["seconds"]),
                row["how"],
            )
            for row in csv.DictReader(file)
        ]


def write_selections(selections: Sequence[Selection], path: Path) -> None:
    """As CSV; raises `RunError` where the file cannot be written."""
    lines = [",".join(field.name for field in fields(Selection))]
    lines += [",".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in asdict(s).values()) for s in selections]
    write_atomically(path, "\n".join(lines) + "\n")


def _selections(method: str, jobs: Sequence[Job], found: Sequence[Searched], how: str) -> list[Selection]:
    return [
        Selection(method, job.seed, one.selected, one.evaluations, one.seconds, how)
        for job, one in zip(jobs, found, strict=True)
    ]
