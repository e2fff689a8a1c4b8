"""`coernas bench table1`, `table2`, `table3`, `table5`: the published tables of the score on NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coernas_moo.files import make_folder

from .output import progress_on_stderr

if TYPE_CHECKING:
    from coernas_moo.benchmarks.score_tables.make import Ground

TABLE = click.option("--table", "table_path", type=click.Path(path_type=Path), help="The npz with the accuracies.")
WORKERS = click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core.")
SEEDS = click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="Searches a row.")
VALUES = click.option(
    "--values",
    type=click.Path(path_type=Path),
    default=Path("results/table1/values"),
    show_default=True,
    help="Raw values of proxies: what is there is read, what is missing is measured.",
)
CELLS = click.option(
    "--cells",
    type=click.IntRange(min=2),
    help="Proxies of the literature on so many random architectures at most; by default all, or thousands where dear.",
)
AGAIN = click.option(
    "--again",
    multiple=True,
    metavar="NAME",
    help="Measure this file of --values anew, such as score; repeatable.",
)


def _out(default: str) -> Callable[[Any], Any]:
    return click.option("--out", type=click.Path(path_type=Path), default=Path(default), show_default=True)


@click.command()
@_out("results/table1")
@VALUES
@CELLS
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Class folders of CIFAR-10 images, on which the proxies that compare images are measured once more.",
)
@AGAIN
@TABLE
@WORKERS
def table1(
    out: Path,
    values: Path,
    cells: int | None,
    images: Path | None,
    again: tuple[str, ...],
    table_path: Path | None,
    workers: int | None,
) -> None:
    """Rank correlation of all proxies with trained accuracy, at the score's fidelity and at the literature's.

    The proxies of the literature take an hour on two cores, the score minutes. A call that was interrupted goes on.

    \b
    Examples:
      coernas bench table1
      coernas bench table1 --again score     where its formulas have changed
    """
    from coernas_moo.benchmarks.score_tables import make
    from coernas_moo.reporting.score_tables import table1_page, write_rows

    with make_ground(out, values, table_path, workers, cells, again, images) as ground:
        found = make.table1(ground)
    page = table1_page(found, _command("table1", cells) + " --images path/to/cifar10" * bool(found.on_images))
    write_rows(found.rows, out / "table1.csv")
    write_rows(found.check, out / "published.csv")
    write_page(out / "table1.md", page)


@click.command()
@_out("results/table2")
@VALUES
@AGAIN
@TABLE
@WORKERS
def table2(out: Path, values: Path, again: tuple[str, ...], table_path: Path | None, workers: int | None) -> None:
    """Rank correlation of every subset of the four dimensions, geometric and linear."""
    from coernas_moo.benchmarks.score_tables import make
    from coernas_moo.reporting.score_tables import table2_page, write_rows

    with make_ground(out, values, table_path, workers, None, again) as ground:
        rows = make.table2(ground)
    write_rows(rows, out / "table2.csv")
    write_page(out / "table2.md", table2_page(rows, ground.ours, _command("table2")))


@click.command()
@_out("results/table3")
@VALUES
@SEEDS
@click.option("--built", type=click.IntRange(min=0), default=20, show_default=True, help="Real searches by the score.")
@CELLS
@click.option("--again", multiple=True, metavar="NAME", help="Search anew by this proxy, or by 'score'; repeatable.")
@TABLE
@WORKERS
def table3(
    out: Path,
    values: Path,
    seeds: int,
    built: int,
    cells: int | None,
    again: tuple[str, ...],
    table_path: Path | None,
    workers: int | None,
) -> None:
    """Accuracy of what searches by the score, by every other proxy and by chance end with.

    Searches read raw values; some by the score are real. Those in the CSV of --out are kept, but for --again and those
    by a score of other formulas.
    """
    from coernas_moo.benchmarks.score_tables import make
    from coernas_moo.benchmarks.score_tables.correlations import datasets_of
    from coernas_moo.reporting.selection_tables import table3_page

    with make_ground(out, values, table_path, workers, cells, ()) as ground:
        selections, costs = make.table3(ground, out, seeds, built, again)
    datasets = datasets_of(ground.table)
    page = table3_page(
        selections, ground.table, datasets, costs, ground.workers, _command("table3", cells, seeds, built)
    )
    write_page(out / "table3.md", page)


@click.command()
@_out("results/table5")
@VALUES
@SEEDS
@TABLE
@WORKERS
def table5(out: Path, values: Path, seeds: int, table_path: Path | None, workers: int | None) -> None:
    """Accuracy, evaluations and time of searches by the score with presets 1 to 5."""
    from coernas_moo.benchmarks.score_tables import make
    from coernas_moo.benchmarks.score_tables.correlations import datasets_of
    from coernas_moo.benchmarks.score_tables.selections import write_selections
    from coernas_moo.reporting.selection_tables import table5_page

    with make_ground(out, values, table_path, workers, None, ()) as ground:
        selections, cost = make.table5(ground, seeds)
    write_selections(selections, out / "table5.csv")
    datasets = datasets_of(ground.table)
    page = table5_page(selections, ground.table, datasets, cost, ground.workers, _command("table5", seeds=seeds))
    write_page(out / "table5.md", page)


@contextmanager
def make_ground(
    out: Path,
    values: Path,
    table_path: Path | None,
    workers: int | None,
    cells: int | None,
    again: tuple[str, ...],
    images: Path | None = None,
) -> Iterator[Ground]:
    """What the tables are made from, with progress bars on stderr; makes the folder `out`."""
    from coernas_moo.benchmarks.score_tables.make import Ground
    from coernas_moo.evaluation.evaluator import available_cores
    from coernas_moo.evaluation.tabular import TabularBenchmark

    table = TabularBenchmark.load(table_path)
    ground = Ground(table, values, workers or available_cores(), again, images=images).on(cells)
    make_folder(out)
    with ExitStack() as stack:
        ground = ground.with_progress(lambda what: stack.enter_context(progress_on_stderr(what)))
        yield ground


def _command(name: str, cells: int | None = None, seeds: int = 20, built: int = 20) -> str:
    """As it is printed on the page."""
    options = [f" --cells {cells}" if cells is not None else "", f" --seeds {seeds}" if seeds != 20 else ""]
    options.append(f" --built {built}" if built != 20 else "")
    return f"coernas bench {name}{''.join(options)}"


def write_page(path: Path, text: str) -> None:
    from coernas_moo.files import write_atomically

    write_atomically(path, text)
    click.echo(f"wrote {path}")
