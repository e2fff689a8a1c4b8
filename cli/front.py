"""`coernas front`: the front of a run as files."""

from __future__ import annotations

from pathlib import Path

import click

from .latest import open_run
from .names import complete_run

FORMATS = ("csv", "json", "markdown", "latex", "png", "svg")


@click.command()
@click.argument("run", required=False, shell_complete=complete_run)
@click.option(
    "--to", "formats", type=click.Choice(FORMATS), multiple=True, help="Format; may be given several times.  [csv]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write, - for stdout (default: RUN/front.<suffix>); with several formats a name without suffix.",
)
def command(run: str | None, formats: tuple[str, ...], out: Path | None) -> None:
    """Export the front of RUN: numbers in full precision as csv and json, tables, or a picture.

    RUN is a run's folder or its name in results/runs; the latest run if it is left out.

    \b
    Examples:
      coernas front digits-1 --to png --to csv
      coernas front digits-1 --to json --out - | jq .picks
    """
    from coernas_moo.reporting.exports import EXPORTS, export_front

    formats = tuple(dict.fromkeys(formats)) or _formats_of(out)
    if len(formats) > 1 and out == Path("-"):
        raise click.UsageError("only one format fits on stdout: give --to once, or a file name as --out")
    opened = open_run(run)
    if out == Path("-"):
        click.echo(EXPORTS[formats[0]].make(opened), nl=False)
        return
    for name in formats:
        path = out if out is None or len(formats) == 1 else out.with_name(out.name + EXPORTS[name].suffix)
        click.echo(f"wrote {export_front(opened, name, path)}")


def _formats_of(out: Path | None) -> tuple[str, ...]:
    """The format that a file's suffix says where no --to does."""
    from coernas_moo.reporting.exports import EXPORTS

    suffix = out.suffix.lower() if out is not None else ""
    if not suffix:
        return ("csv",)
    named = tuple(name for name, export in EXPORTS.items() if export.suffix == suffix)
    if not named:
        known = ", ".join(export.suffix for export in EXPORTS.values())
        raise click.UsageError(f"--out {out}: no format has the suffix {suffix}; take one of {known}, or say --to")
    return named
