"""`coernas correlate`: how well proxies and fusions rank the architectures of NAS-Bench-201."""

from __future__ import annotations

from pathlib import Path

import click

from coernas_moo.files import make_folder

from .output import print_json, print_table, progress_on_stderr, table_of

FOUR = "robustness,isotropy,uncertainty,regularity"


@click.command()
@click.option("--proxies", default=FOUR, show_default=True, help="Names, or patterns such as '*', comma between.")
@click.option("--fusion", "fusions", multiple=True, help="NAME=PROXY,PROXY@P, repeatable; 'score' is always there.")
@click.option("--datasets", default="cifar10,cifar100,ImageNet16-120", show_default=True)
@click.option("--population", default="all", show_default=True, help="all, alive (no dead edges), or a number.")
@click.option("--half", type=click.IntRange(0, 2), default=0, help="1 or 2: a fixed half of the functions; 0: all.")
@click.option("--split", default="test", show_default=True, help="test, valid, test_12 or valid_12.")
@click.option("--seeds", default="0,1,2", show_default=True, help="One initialisation each.")
@click.option("--batch", type=click.IntRange(min=2), default=32, show_default=True)
@click.option("--size", type=click.IntRange(min=4), default=16, show_default=True, help="Side of the images.")
@click.option("--cells", type=click.IntRange(min=1), default=1, show_default=True, help="Cells a stage.")
@click.option("--channels", type=click.IntRange(min=1), default=16, show_default=True, help="Of the first stage.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core.")
@click.option("--table", "table_path", type=click.Path(path_type=Path), help="The npz with the accuracies.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results/runs/correlate"),
    show_default=True,
    help="Folder for the CSV, the plots and the journal; calling again goes on where it stopped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def command(
    proxies: str,
    fusions: tuple[str, ...],
    datasets: str,
    population: str,
    half: int,
    split: str,
    seeds: str,
    batch: int,
    size: int,
    cells: int,
    channels: int,
    workers: int | None,
    table_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Rank correlation of proxies and fusions with trained accuracy, on the NAS-Bench-201 table.

    \b
    Example:
      coernas correlate --population 1000 --seeds 0,1,2
    """
    from coernas_moo.benchmarks.correlation import SCORE, Fusion, Protocol, correlate
    from coernas_moo.errors import CoernasError
    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.evaluation.tabular import TabularBenchmark
    from coernas_moo.proxies import PROXIES
    from coernas_moo.reporting.correlation import rows_as_dicts, write_correlation

    try:
        numbers = tuple(dict.fromkeys(int(seed) for seed in seeds.split(",")))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise CoernasError(f"--seeds {seeds!r}: give whole numbers from 0 on with commas between, such as 0,1,2")
    names = [name for pattern in proxies.split(",") for name in PROXIES.names(pattern) or [pattern]]
    protocol = Protocol(
        tuple(dict.fromkeys(names)),
        (*map(Fusion.parse, fusions), SCORE),
        tuple(datasets.split(",")),
        split,
        population,
        half,
        numbers,
        batch,
        size,
        cells,
        channels,
    )
    table = TabularBenchmark.load(table_path)
    make_folder(out)
    with progress_on_stderr("scoring") as on_candidate:
        result = correlate(
            table, protocol, out / "journal.sqlite", workers=workers or available_cores(), on_candidate=on_candidate
        )
    write_correlation(result, table, out)
    rows = rows_as_dicts(result)
    if as_json:
        print_json({"architectures": result.architectures, "functions": result.functions, "rows": rows})
        return
    columns = ("tau", "95 %", "rho", "tau fifth", "tau tenth", "nDCG@50", "selected %")
    listing = table_of("proxy", "data set", *columns, right=columns)
    for row in rows:
        listing.add_row(
            str(row["name"]),
            str(row["dataset"]),
            f"{row['tau']:.3f}",
            f"{row['tau_low']:.3f} to {row['tau_high']:.3f}",
            f"{row['rho']:.3f}",
            f"{row['tau_fifth']:.3f}",
            f"{row['tau_tenth']:.3f}",
            f"{row['ndcg']:.3f}",
            f"{row['selected']:.2f}",
        )
    print_table(listing)
    click.echo(
        f"{result.architectures:,} architectures, {result.functions:,} functions evaluated, "
        f"{len(numbers)} initialisation{'s' * (len(numbers) > 1)}, "
        f"{1000 * result.seconds_per_candidate:.0f} ms a candidate and initialisation on one core; saved in {out}"
    )
