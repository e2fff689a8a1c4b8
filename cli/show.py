"""`coernas show`: the front of a run, or one network of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coernas_moo.errors import RunError

from .latest import open_run
from .names import complete_run
from .output import print_json, print_view

if TYPE_CHECKING:
    from coernas_moo.search.run import Run


@click.command()
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--pick", metavar="PICK", help="Draw one network: best, knee, fastest, smallest, or its number.")
@click.option(
    "--png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to put the picture of the network (default: RUN/plots/PICK.png); .svg works too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON; a picture only with --png.")
def command(run: str | None, pick: str | None, png: Path | None, as_json: bool) -> None:
    """Print the front of RUN as a table, or draw one network of it.

    RUN is a run's folder or its name in results/runs; the latest run if it is left out.

    \b
    Examples:
      coernas show
      coernas show digits-1 --pick knee --png knee.png
    """
    from coernas_moo.reporting.show_document import member_document, run_document

    opened = open_run(run)
    if pick is None:
        if png is not None:
            raise click.UsageError("--png draws one network: say which with --pick (the front: coernas front --to png)")
        if as_json:
            print_json(run_document(opened))
        else:
            _show_front(opened)
        return
    if as_json:
        print_json(member_document(opened, pick))
    else:
        _show_member(opened, pick)
    if png is not None or not as_json:
        path = _draw(opened, pick, png)
        click.echo(f"\npicture: {path}" if not as_json else f"picture: {path}", err=as_json)


def _show_front(run: Run) -> None:
    from coernas_moo.reporting.tables import front_view

    print_view(front_view(run))
    path = shlex.quote(str(run.directory.path))
    if run.front:
        click.echo(f"one network:  coernas show {path} --pick knee")
        click.echo(f"as a file:    coernas front {path} --to png --to csv")


def _show_member(run: Run, pick: str) -> None:
    from coernas_moo.reporting.architecture_text import member_view

    print_view(member_view(run, pick))


def _draw(run: Run, pick: str, path: Path | None) -> Path:
    from coernas_moo.reporting.architecture_picture import architecture_figure
    from coernas_moo.reporting.figure import save

    if path is None:
        path = run.directory.path / "plots" / f"{pick}.png"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"{path.parent}: cannot be made: {error.strerror}; say where with --png FILE") from None
    save(architecture_figure(run, run.pick(pick)), path)
    return path
