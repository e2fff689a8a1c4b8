"""`coernas latency`: how well the table's estimate agrees with measurement on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from coernas_moo.errors import CoernasError

from .errors import warn
from .names import complete_problem
from .output import print_json, print_table, table_of
from .seeds import SEED

DISTURBED = 0.1
"""Share of the time lost to other processes above which the user is told."""


@click.command()
@click.argument("problem", shell_complete=complete_problem)
@click.option("--data", type=click.Path(path_type=Path), help="Images of the problem, where it names none.")
@click.option("--networks", type=int, default=50, show_default=True, help="Random networks to measure.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the drawing.")
@click.option("--seconds", type=float, default=12.0, show_default=True, help="Time to spend on measuring them.")
@click.option("--json", "as_json", is_flag=True, help="Print rows and summary as JSON.")
def command(problem: str, data: Path | None, networks: int, seed: int, seconds: float, as_json: bool) -> None:
    """Measure random networks of PROBLEM's space on this machine and compare with their estimated latency.

    Nothing else should run meanwhile. Operators that are measured for it are kept for later searches.

    \b
    Example:
      coernas latency digits --networks 20
    """
    from coernas_moo.benchmarks.latency_check import check_latency
    from coernas_moo.datasets.of_problem import open_data
    from coernas_moo.objectives.latency_table import LatencyTable

    from .search import read_problem, with_data

    if not 0 < seconds < float("inf"):
        raise CoernasError(f"--seconds {seconds:g}: give a number above 0")
    loaded = with_data(read_problem(problem, {}), data)
    info = open_data(loaded).info
    space = loaded.space_settings.build(info.shape, len(info.classes))
    latency_table = LatencyTable.open(loaded.latency.threads, loaded.latency.batch)
    check = check_latency(space, networks, seed, table=latency_table, seconds=seconds)
    latency_table.save()
    if as_json:
        print_json({"problem": loaded.name, "seed": seed, **asdict(check)})
        return
    numbers = ("measured ms", "IQR", "estimated ms")
    table = table_of(*numbers, "network", right=numbers)
    table.columns[-1].overflow = "ellipsis"
    table.columns[-1].no_wrap = True
    for row in sorted(check.rows, key=lambda row: row.measured_ms):
        table.add_row(f"{row.measured_ms:.4f}", f"{row.iqr_ms:.4f}", f"{row.estimated_ms:.4f}", row.text)
    print_table(table)
    click.echo(f"Spearman {check.spearman:.3f}, Kendall {check.kendall:.3f} over {len(check.rows)} networks")
    click.echo(f"median relative error {check.median_relative_error:.1%}")
    click.echo(
        f"{check.device}, {check.threads} thread{'s' * (check.threads > 1)}, batch {check.batch}; "
        f"{check.table_entries:,} operators in the table, {check.table_seconds:.1f} s to measure what it lacked"
    )
    if check.disturbed > DISTURBED:
        warn(f"other processes had the processor for {check.disturbed:.0%} of the time; stop them and measure again")
