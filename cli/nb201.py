"""`coernas nb201`: the NAS-Bench-201 table."""

from __future__ import annotations

from pathlib import Path

import click

from .output import ListedInFull


@click.group(cls=ListedInFull)
def command() -> None:
    """Make or describe the NAS-Bench-201 table that benchmarks and tabular problems read."""


@command.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("nb201/nb201.npz"), show_default=True)
def import_(folder: Path, out: Path) -> None:
    """Write the table from FOLDER, the unpacked NATS-tss-v1_0-3ffb9-simple; needs the package nats-bench.

    Accuracies, parameters and FLOPs are in it; latencies of devices are not, and come from HW-NAS-Bench or HELP.

    \b
    Example:
      coernas nb201 import NATS-tss-v1_0-3ffb9-simple --out data/nb201/nb201.npz
    """
    from coernas_moo.evaluation.tabular import TabularBenchmark, save_columns

    columns = TabularBenchmark.read_official(folder)
    save_columns(columns, out)
    click.echo(f"{len(columns['arch']):,} architectures in {out}; set COERNAS_DATA to the folder above nb201/")


@command.command()
@click.argument("table", required=False, type=click.Path(path_type=Path))
def show(table: Path | None) -> None:
    """Say what a table holds: TABLE (.npz or .csv), by default the one that COERNAS_DATA names.

    \b
    Example:
      coernas nb201 show nb201/nb201.npz
    """
    from coernas_moo.evaluation.tabular import TabularBenchmark

    found = TabularBenchmark.load(table)
    click.echo(f"architectures  {len(found):,}")
    click.echo(f"accuracy       {', '.join(map(str, found.accuracies)) or 'none'}")
    click.echo(f"latency        {', '.join(found.latency_ms) or 'none'}")
    click.echo(f"energy         {', '.join(found.energy_mj) or 'none'}")
