"""`coernas compare`: search algorithms against each other on one problem."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from .errors import Interrupted
from .names import RUNS, complete_problem
from .output import print_json, print_table, print_text, progress_on_stderr, table_of

ALL = "hd-duaas,nsga2,nsga2-sbx,random,regularized-evolution,sms-emoa,moead,mixed-ga"


@click.command()
@click.argument("problem", shell_complete=complete_problem)
@click.option(
    "--algorithms", default=ALL, show_default=True, help="Comma between; the first is held against the others."
)
@click.option("--seeds", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Searches an algorithm.")
@click.option("--evaluations", type=click.IntRange(min=1), default=500, show_default=True, help="Budget of a search.")
@click.option("--population", type=click.IntRange(min=2), help="Of every algorithm; by default the problem's.")
@click.option("--data", type=click.Path(path_type=Path), help="Images, for a problem that needs some.")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Any other key; repeatable.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes that evaluate; by default one a core.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; by default results/runs/compare-PROBLEM.")
@click.option(
    "--scores-of",
    type=click.Path(path_type=Path),
    help="Folder of a comparison or run that scored networks the same way: they are not scored again.",
)
@click.option(
    "--as-searched",
    is_flag=True,
    help="Judge by what was searched, even where the table knows the true error; written to OUT-as-searched.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def command(
    problem: str,
    algorithms: str,
    seeds: int,
    evaluations: int,
    population: int | None,
    data: Path | None,
    settings: tuple[str, ...],
    workers: int | None,
    out: Path | None,
    scores_of: Path | None,
    as_searched: bool,
    as_json: bool,
) -> None:
    """Compare algorithms on PROBLEM: equal budgets of distinct networks, equal first populations, a shared journal.

    Calling again goes on where it stopped. Tables (csv, json, md, tex) and pictures (convergence, attainment surfaces
    of the first objective against each other one) land in --out.

    \b
    Example:
      coernas compare nb201-fpga --seeds 20 --evaluations 500
    """
    from coernas_moo.benchmarks.comparison import compare, folder_as_searched
    from coernas_moo.benchmarks.searching import Plan
    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.files import make_folder, write_atomically
    from coernas_moo.reporting.comparison_plots import write_pictures
    from coernas_moo.reporting.comparison_tables import (
        HEAD,
        comparison_basis,
        comparison_json,
        comparison_legend,
        comparison_rows,
        comparison_verdict,
        write_comparison,
    )
    from coernas_moo.search.baselines import TWO_OBJECTIVES
    from coernas_moo.search.run_directory import RunDirectory

    from .search import read_problem, read_settings, with_data

    overrides = read_settings(settings)
    if population is not None:
        overrides["search.population"] = population
    loaded = with_data(read_problem(problem, overrides), data)
    names = tuple(name.strip() for name in algorithms.split(","))
    if click.get_current_context().get_parameter_source("algorithms") is ParameterSource.DEFAULT:
        names = tuple(name for name in names if len(loaded.objectives) > 1 or name not in TWO_OBJECTIVES)
    plan = Plan(loaded, names, seeds, evaluations, as_searched)
    out = out or RUNS / f"compare-{loaded.name}"
    judged_in = folder_as_searched(plan, out) if as_searched else out
    try:
        with progress_on_stderr("searching") as on_run:
            found = compare(plan, out, workers=workers or available_cores(), scores_of=scores_of, on_run=on_run)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; go on by giving the same command again ({out})") from None
    if as_searched:
        make_folder(judged_in)
        write_atomically(RunDirectory(judged_in).problem, loaded.to_toml())
    write_comparison(found, judged_in)
    write_pictures(found, judged_in)
    if as_json:
        import json

        print_json(json.loads(comparison_json(found)))
        return
    listing = table_of(*HEAD, right=HEAD[1:])
    for row in comparison_rows(found):
        listing.add_row(*row)
    print_table(listing)
    for text in (f"{comparison_basis(found)}.", f"{comparison_legend(found)}.", comparison_verdict(found)):
        print_text(text)
    click.echo(f"saved: {judged_in}")
