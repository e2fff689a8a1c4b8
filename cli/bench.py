"""`coernas bench`: what the machinery costs on this machine; the numbers under `results/` come from here."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .bench_limit import limit
from .bench_pipeline import baselines, table6, table7
from .bench_refine import refine
from .bench_tables import table1, table2, table3, table5
from .names import complete_problem
from .output import ListedInFull, print_json, progress_on_stderr
from .seeds import SEED

if TYPE_CHECKING:
    from coernas_moo.config import ProblemFile
    from coernas_moo.spaces import SearchSpace

PROBLEM = click.argument("problem", shell_complete=complete_problem)
DATA = click.option("--data", type=click.Path(path_type=Path), help="Images of the problem, where it names none.")


@click.group(cls=ListedInFull)
def command() -> None:
    """Measure what candidates, workers and searches cost on this machine, and make the published tables.

    Nothing else should run while times are measured. Every result is one JSON document with its protocol, or a page.
    """


@command.command()
@PROBLEM
@DATA
@click.option("--networks", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
def candidate(problem: str, data: Path | None, networks: int, seed: int) -> None:
    """Cost of scoring one candidate over a bare forward and backward pass, one thread."""
    from coernas_moo.benchmarks.candidate_cost import measure_candidate_cost

    loaded, space = _problem_and_scoring_space(problem, data)
    cost = measure_candidate_cost(space, networks, seed, batch=loaded.score.batch)
    _print(loaded, space, {**asdict(cost), "candidates_per_second_and_core": cost.candidates_per_second})


@command.command()
@PROBLEM
@DATA
@click.option("--many", type=click.IntRange(min=2), default=2, show_default=True, help="Workers to compare with one.")
@click.option("--candidates", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--turns", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
def workers(problem: str, data: Path | None, many: int, candidates: int, turns: int, seed: int) -> None:
    """Time of the same candidates with one worker over that with several, in turns."""
    from coernas_moo.benchmarks.evaluation_cost import measure_workers

    loaded, space = _problem_and_scoring_space(problem, data)
    _print(loaded, space, asdict(measure_workers(space, workers=many, candidates=candidates, turns=turns, seed=seed)))


@command.command()
@PROBLEM
@DATA
@click.option("--candidates", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
def memory(problem: str, data: Path | None, candidates: int, seed: int) -> None:
    """Peak resident memory of one worker, in MB."""
    from coernas_moo.benchmarks.evaluation_cost import measure_memory

    loaded, space = _problem_and_scoring_space(problem, data)
    _print(
        loaded, space, {"candidates": candidates, "peak_mb": measure_memory(space, candidates=candidates, seed=seed)}
    )


@command.command()
@PROBLEM
@DATA
@click.option("--population", type=click.IntRange(min=2), default=50, show_default=True)
@click.option("--generations", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--algorithm", help="Instead of the problem's.")
def overhead(problem: str, data: Path | None, population: int, generations: int, algorithm: str | None) -> None:
    """Share of a search's time in which no worker evaluates."""
    from coernas_moo.benchmarks.evaluation_cost import measure_overhead

    loaded, space = _problem_and_scoring_space(
        problem,
        data,
        {
            "search.population": population,
            "search.generations": generations,
            **({} if algorithm is None else {"search.algorithm": algorithm}),
        },
    )
    _print(loaded, space, asdict(measure_overhead(loaded)))


@command.command()
@PROBLEM
@DATA
@click.option("--kills", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--generations", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--population", type=click.IntRange(min=2), default=12, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the moments.")
def kill(problem: str, data: Path | None, kills: int, generations: int, population: int, seed: int) -> None:
    """Kill searches (kill -9) at random moments, resume them, compare the fronts with that of an undisturbed one."""
    import tempfile

    from coernas_moo.benchmarks.kill_test import kill_and_resume

    loaded, space = _problem_and_scoring_space(
        problem, data, {"search.population": population, "search.generations": generations}
    )
    with tempfile.TemporaryDirectory() as folder:
        report = kill_and_resume(loaded, Path(folder), kills, seed)
    _print(loaded, space, asdict(report))


@command.command()
@PROBLEM
@DATA
@click.option("--networks", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Of torch; by default one a core.")
@click.option("--seed", type=SEED, default=0, show_default=True)
def loader(problem: str, data: Path | None, networks: int, threads: int | None, seed: int) -> None:
    """Share of a training step in which its batch is made, over random networks of PROBLEM's space."""
    from coernas_moo.benchmarks.loading_share import measure_loading_share

    loaded, space = _problem_and_scoring_space(problem, data)
    _print(loaded, space, asdict(measure_loading_share(loaded, networks=networks, threads=threads, seed=seed)))


@command.command()
@PROBLEM
@DATA
@click.option("--to", "formats", multiple=True, default=(".onnx", ".pt2", ".py"), show_default=True, help="Suffixes.")
@click.option("--networks", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
def export(problem: str, data: Path | None, formats: tuple[str, ...], networks: int, seed: int) -> None:
    """Export random networks: largest difference from torch, latency over torch's, seconds."""
    from coernas_moo.benchmarks.export_check import check_exports, summaries
    from coernas_moo.datasets.of_problem import open_data

    from .search import read_problem, with_data

    loaded = with_data(read_problem(problem, {}), data)
    info = open_data(loaded).info
    space = loaded.space_settings.build(info.shape, len(info.classes))
    with progress_on_stderr("exports") as report:
        rows = check_exports(space, networks, seed, formats, report)
    result = {"networks": networks, "seed": seed, "formats": [asdict(each) for each in summaries(rows)]}
    _print(loaded, space, {**result, "rows": [asdict(row) for row in rows]})


@command.command("az-nas")
@click.option("--networks", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Turns on every cell.")
@click.option("--seed", type=SEED, default=0, show_default=True)
def az_nas(networks: int, rounds: int, seed: int) -> None:
    """Cost of AZ-NAS at its published fidelity over that of the score, on the same cells of NAS-Bench-201, in turns."""
    from coernas_moo.benchmarks.proxy_cost import AZ_NAS_PUBLISHED, OURS, against_az_nas
    from coernas_moo.objectives.latency import device_name
    from coernas_moo.versions import versions

    found = against_az_nas(networks, seed, rounds=rounds)
    fidelities = {"score": asdict(OURS), "az_nas": asdict(AZ_NAS_PUBLISHED)}
    protocol = {"fidelity": fidelities, "rounds": rounds, "seed": seed, "threads": 1, "device": device_name()}
    print_json({**asdict(found), "protocol": {**protocol, "system": platform.system(), "versions": versions()}})


SET = click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Any key of the problem file.")


@command.command()
@PROBLEM
@DATA
@SET
@click.option("--networks", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), default=12, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the sample and of training.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV; networks that are in it are kept.")
def sample(
    problem: str, data: Path | None, settings: tuple[str, ...], networks: int, epochs: int, seed: int, out: Path
) -> None:
    """Train random networks of PROBLEM's space, alike and briefly, and write their test accuracies.

    The data needs the splits train and test. A call that was interrupted goes on where it stopped.
    """
    from coernas_moo.benchmarks.trained_sample import Recipe, train_sample
    from coernas_moo.datasets.of_problem import open_data

    from .search import read_problem, read_settings, with_data

    loaded = with_data(read_problem(problem, read_settings(settings)), data)
    dataset = open_data(loaded)
    space = loaded.space_settings.build(dataset.info.shape, len(dataset.info.classes))
    with progress_on_stderr("training") as on_network:
        train_sample(
            space,
            dataset,
            out,
            networks=networks,
            seed=seed,
            recipe=Recipe(epochs=epochs),
            on_network=lambda _, __, number: on_network(number, networks),
        )
    click.echo(f"wrote {out}")


@command.command("sample-correlation")
@click.argument("csv_file", metavar="CSV", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@PROBLEM
@DATA
@SET
@click.option("--fusion", "fusions", multiple=True, help="NAME=PROXY,PROXY@P, repeatable; 'score' is always there.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Initialisations to average.")
def sample_correlation(
    csv_file: Path, problem: str, data: Path | None, settings: tuple[str, ...], fusions: tuple[str, ...], seeds: int
) -> None:
    """Correlate proxies and fusions with the accuracies in CSV, which 'bench sample' wrote for PROBLEM's space."""
    from coernas_moo.benchmarks.correlation import SCORE, Fusion
    from coernas_moo.benchmarks.sample_correlation import correlate_sample

    from .search import read_settings

    loaded, space = _problem_and_scoring_space(problem, data, read_settings(settings))
    rows = correlate_sample(space, csv_file, [SCORE, *map(Fusion.parse, fusions)], seeds=range(seeds))
    _print(loaded, space, {"rows": [asdict(row) for row in rows]})


for _table in (table1, table2, table3, table5, table6, table7, baselines, refine, limit):
    command.add_command(_table)


def _problem_and_scoring_space(
    name: str, data: Path | None, overrides: dict[str, object] | None = None
) -> tuple[ProblemFile, SearchSpace]:
    from coernas_moo.datasets.of_problem import open_data
    from coernas_moo.evaluation.evaluator import scoring_space

    from .search import read_problem, with_data

    loaded = with_data(read_problem(name, overrides or {}), data)
    info = open_data(loaded).info
    return loaded, scoring_space(loaded, loaded.space_settings.build(info.shape, len(info.classes)))


def _print(problem: ProblemFile, space: SearchSpace, result: dict[str, object]) -> None:
    from coernas_moo.objectives.latency import device_name
    from coernas_moo.versions import versions

    protocol = {
        "problem": problem.name,
        "scoring_shape": str(space.input_shape),
        "batch": problem.score.batch,
        "device": device_name(),
        "system": platform.system(),
        "versions": versions(),
    }
    print_json({**result, "protocol": protocol})
