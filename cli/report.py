"""`coernas report`: runs and comparisons as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .latest import open_run
from .names import complete_run, run_path

if TYPE_CHECKING:
    from coernas_moo.reporting.html.page import Entry

NAME = "report.html"


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_run)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: report.html in the run's folder; for several, in the current one).",
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def command(runs: tuple[str, ...], out: Path | None, show: bool) -> None:
    """Write RUN as one interactive HTML page that needs no network: front, drawings, convergence, problem, versions.

    RUN is a run's folder or its name in results/runs, or the folder of a comparison; the latest run if it is left out.
    Several go into one page.

    \b
    Examples:
      coernas report
      coernas report digits-1 digits-2 --out both.html
      coernas report results/runs/compare-nb201-fpga
    """
    from coernas_moo.reporting.html.page import require_packages, write_report

    require_packages()
    # One folder under two names is shown once.
    named: dict[Path, str] = {}
    for name in runs:
        named.setdefault(run_path(name).resolve(), name)
    names = tuple(named.values())
    entries = [_entry(name, f"entry-{number}") for number, name in enumerate(names or (None,), start=1)]
    path = write_report(entries, out or _default(names))
    click.echo(f"wrote {path}  ({path.stat().st_size / 1e6:.1f} MB)")
    if show:
        click.launch(str(path))


def _entry(name: str | None, identity: str) -> Entry:
    """A run, or a comparison where its files are there."""
    if name is not None:
        from coernas_moo.folders import COMPARISON

        folder = run_path(name)
        if (folder / COMPARISON).is_file():
            from coernas_moo.reporting.html.comparison_entry import comparison_entry

            return comparison_entry(folder, identity)
    from coernas_moo.reporting.html.run_entry import run_entry

    return run_entry(open_run(name), identity)


def _default(runs: tuple[str, ...]) -> Path:
    if len(runs) > 1:
        return Path(NAME)
    return run_path(runs[0]) / NAME if runs else open_run(None).directory.path / NAME
