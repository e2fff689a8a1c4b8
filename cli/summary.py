"""`coernas summary`: comparisons on several problems side by side."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rivals", default="nsga2,nsga2-sbx", show_default=True, help="Held against the first; comma between.")
@click.option("--at", default="200,500", show_default=True, help="Evaluations of the columns; comma between.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for summary.md and summary.csv too.")
def command(folders: tuple[Path, ...], rivals: str, at: str, out: Path | None) -> None:
    """Put comparisons side by side: shares, regret and contests of every problem, as Markdown.

    FOLDERS are those that `coernas compare` wrote.

    \b
    Example:
      coernas summary results/comparison/nb201-edgegpu results/comparison/nb201-fpga
    """
    from coernas_moo.benchmarks.comparison_summary import read_finished
    from coernas_moo.errors import CoernasError
    from coernas_moo.files import write_atomically
    from coernas_moo.reporting.comparison_summary import summary_csv, summary_markdown

    points = [int(text) if text.strip().isdecimal() else 0 for text in at.split(",")]
    if min(points) < 1:
        raise CoernasError(f"--at {at}: give numbers of evaluations with commas between, like 200,500")
    finished = [read_finished(folder) for folder in folders]
    text = summary_markdown(finished, [name.strip() for name in rivals.split(",")], points)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / "summary.md", text)
        write_atomically(out / "summary.csv", summary_csv(finished, points))
    click.echo(text, nl=False)
