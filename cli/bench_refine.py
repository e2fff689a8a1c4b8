"""`coernas bench refine`: what refinement gains on the NAS-Bench-201 table."""

from __future__ import annotations

from pathlib import Path

import click

from .bench_tables import AGAIN, SEEDS, TABLE, VALUES, WORKERS, make_ground, write_page


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--candidates", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--last", type=click.IntRange(min=1), default=5, show_default=True, help="Looked at after 200 epochs.")
@VALUES
@SEEDS
@AGAIN
@TABLE
@WORKERS
def refine(
    out: Path,
    candidates: int,
    last: int,
    values: Path,
    seeds: int,
    again: tuple[str, ...],
    table_path: Path | None,
    workers: int | None,
) -> None:
    """Accuracy of the pick on NAS-Bench-201 with and without refinement: minutes, everything is looked up.

    \b
    Example:
      coernas bench refine
    """
    from coernas_moo.benchmarks.refinement import refined_picks, write_picks
    from coernas_moo.reporting.refine_page import refine_page

    with make_ground(out / "refine", values, table_path, workers, None, again) as ground:
        (raw,) = ground.measured([ground.ours])
        picks = refined_picks(
            ground.table,
            raw,
            seeds=seeds,
            candidates=candidates,
            last=last,
            workers=ground.workers,
            on_seed=ground.told("searching"),
        )
    write_picks(picks, out / "refine" / "picks.csv")
    options = [("candidates", candidates, 20), ("last", last, 5), ("seeds", seeds, 20)]
    said = "".join(f" --{name} {value}" for name, value, usual in options if value != usual)
    write_page(out / "refine.md", refine_page(picks, candidates, last, f"coernas bench refine{said}"))
