"""`coernas summary`: comparisons on several problems side by side."""

from __future__ import annotations

import warnings
from pathlib import Path

import click


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rivals", help="Held against the first; comma between.  [nsga2 and nsga2-sbx, where there are some]")
@click.option("--at", help="Evaluations of the columns; comma between.  [200,500, or what the shortest search has]")
@click.option("--relative-to", metavar="ALGORITHM", help="Print only regret over that of this one, as for ablations.")
@click.option("--algorithms", help="Rows of --relative-to, comma between; by default all.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for what is printed, that as LaTeX, and all regrets as CSV."
)
def command(
    folders: tuple[Path, ...],
    rivals: str | None,
    at: str | None,
    relative_to: str | None,
    algorithms: str | None,
    out: Path | None,
) -> None:
    """Put comparisons side by side: shares, regret and contests of every problem, as Markdown.

    FOLDERS are those that `coernas compare` wrote. In --out: summary.md and summary.tex, summary.csv (a row a search),
    ratios.csv; with --relative-to ratios.md and ratios.tex instead of summary.md and summary.tex.

    \b
    Examples:
      coernas summary results/comparison/nb201-edgegpu results/comparison/nb201-fpga
      coernas summary results/runs/ablation/* --relative-to hd-duaas --algorithms one-batch,ten-batches
    """
    from coernas_moo.benchmarks.comparison_summary import read_finished
    from coernas_moo.errors import CoernasError, RunWarning
    from coernas_moo.files import make_folder, write_atomically
    from coernas_moo.folders import COMPARISON, is_comparison
    from coernas_moo.reporting.comparison_summary import (
        ratios_csv,
        ratios_table,
        summary_csv,
        summary_latex,
        summary_markdown,
        summary_tables,
    )

    # A folder that is named twice is one comparison.
    different = list(dict.fromkeys(folder.resolve() for folder in folders))
    unjudged = [each for each in different if is_comparison(each) and not (each / COMPARISON).exists()]
    if unjudged and len(unjudged) < len(different):
        names = ", ".join(map(str, unjudged))
        warnings.warn(f"left out, for 'compare' has not judged it yet: {names}", RunWarning, stacklevel=2)
        different = [each for each in different if each not in unjudged]
    finished = [read_finished(folder) for folder in different]
    if at is None:
        shortest = min(int(each.checkpoints[-1]) for each in finished)
        points = sorted({min(200, shortest), min(500, shortest)})
    else:
        points = [int(text) if text.strip().isdecimal() else 0 for text in at.split(",")]
        if min(points) < 1:
            raise CoernasError(f"--at {at}: give numbers of evaluations with commas between, like 200,500")
    chosen = None if algorithms is None else _names(algorithms)
    if relative_to is None:
        if chosen is not None:
            raise CoernasError("--algorithms chooses rows of --relative-to: give that too")
        usual = [each for each in ("nsga2", "nsga2-sbx") if any(each in one.curves for one in finished)]
        name, tables = "summary", summary_tables(finished, usual if rivals is None else _names(rivals), points)
    else:
        name, tables = "ratios", [ratios_table(finished, points, relative_to, chosen)]
    text = summary_markdown(tables)
    if out is not None:
        make_folder(out)
        write_atomically(out / f"{name}.md", text)
        write_atomically(out / f"{name}.tex", summary_latex(tables))
        write_atomically(out / "summary.csv", summary_csv(finished, points))
        write_atomically(out / "ratios.csv", ratios_csv(finished, points, relative_to, chosen))
    click.echo(text, nl=False)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
