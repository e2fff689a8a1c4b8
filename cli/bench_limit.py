"""`coernas bench limit`: how far any search by the score can get on NAS-Bench-201."""

from __future__ import annotations

from pathlib import Path

import click

from coernas_moo.files import make_folder

from .bench_tables import TABLE, VALUES, WORKERS
from .names import complete_problem
from .output import progress_on_stderr


@click.command()
@click.argument("problems", nargs=-1, required=True, shell_complete=complete_problem)
@VALUES
@TABLE
@WORKERS
@click.option("--out", type=click.Path(path_type=Path), help="Folder for limit.md and limit.csv too.")
def limit(
    problems: tuple[str, ...], values: Path, table_path: Path | None, workers: int | None, out: Path | None
) -> None:
    """Front of all networks by score and costs, judged by true error: no search by the score can know better.

    PROBLEMS are training-free ones of NAS-Bench-201, such as nb201-fpga-free. Seconds where the values are there,
    minutes where they have to be measured.
    """
    from coernas_moo.benchmarks.score_limit import limited, limits_csv, score_limits
    from coernas_moo.benchmarks.score_tables.measurements import OURS
    from coernas_moo.benchmarks.score_tables.raw_values import measure
    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.evaluation.tabular import TabularBenchmark
    from coernas_moo.files import write_atomically
    from coernas_moo.reporting.score_limit import limits_markdown

    from .search import read_problem

    loaded = [read_problem(name, {}) for name in problems]
    table = TabularBenchmark.load(table_path)
    for problem in loaded:
        limited(problem, table, OURS)
    with progress_on_stderr("scoring") as on_candidate:
        raw = measure(table, OURS, values, workers=workers or available_cores(), on_candidate=on_candidate)
    found = [each for problem in loaded for each in score_limits(problem, table, raw)]
    text = limits_markdown(found)
    if out is not None:
        make_folder(out)
        write_atomically(out / "limit.md", text)
        write_atomically(out / "limit.csv", limits_csv(found))
    click.echo(text, nl=False)
