"""`coernas summary`: comparisons on several problems side by side."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rivals", default="nsga2,nsga2-sbx", show_default=True, help="Held against the first; comma between.")
@click.option("--at", default="200,500", show_default=True, help="Evaluations of the columns; comma between.")
@click.option("--relative-to", metavar="ALGORITHM", help="Print only regret over that of this one, as for ablations.")
@click.option("--algorithms", help="Rows of --relative-to, comma between; by default all.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for what is printed, and for all regrets as CSV.")
def command(
    folders: tuple[Path, ...],
    rivals: str,
    at: str,
    relative_to: str | None,
    algorithms: str | None,
    out: Path | None,
) -> None:
    """Put comparisons side by side: shares, regret and contests of every problem, as Markdown.

    FOLDERS are those that `coernas compare` wrote. In --out: summary.md, summary.csv (a row a search), ratios.csv; with
    --relative-to ratios.md instead of summary.md.

    \b
    Examples:
      coernas summary results/comparison/nb201-edgegpu results/comparison/nb201-fpga
      coernas summary results/runs/ablation/* --relative-to hd-duaas --algorithms one-batch,ten-batches
    """
    from coernas_moo.benchmarks.comparison_summary import read_finished
    from coernas_moo.errors import CoernasError
    from coernas_moo.files import write_atomically
    from coernas_moo.reporting.comparison_summary import ratios_csv, ratios_markdown, summary_csv, summary_markdown

    points = [int(text) if text.strip().isdecimal() else 0 for text in at.split(",")]
    if min(points) < 1:
        raise CoernasError(f"--at {at}: give numbers of evaluations with commas between, like 200,500")
    finished = [read_finished(folder) for folder in folders]
    chosen = None if algorithms is None else _names(algorithms)
    if relative_to is None:
        if chosen is not None:
            raise CoernasError("--algorithms chooses rows of --relative-to: give that too")
        name, text = "summary.md", summary_markdown(finished, _names(rivals), points)
    else:
        name, text = "ratios.md", ratios_markdown(finished, points, relative_to, chosen)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / name, text)
        write_atomically(out / "summary.csv", summary_csv(finished, points))
        write_atomically(out / "ratios.csv", ratios_csv(finished, points, relative_to, chosen))
    click.echo(text, nl=False)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
