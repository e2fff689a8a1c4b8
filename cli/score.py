"""`coernas score`: one network's training-free score."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coernas_moo.errors import CoernasError

from .names import complete_problem
from .output import only_results_on_stdout, print_json, print_table, table_of

if TYPE_CHECKING:
    from torch import nn


@click.command()
@click.argument("network")
@click.option("--problem", shell_complete=complete_problem, help="NETWORK is a genotype of this problem's space.")
@click.option("--data", type=click.Path(path_type=Path), help="Images of the problem, where it names none.")
@click.option("--shape", metavar="CxHxW", help="NETWORK is package.module:callable, for images of this shape.")
@click.option("--classes", type=int, help="Number of classes that the module tells apart.")
@click.option("--repeats", type=int, help="Initialisations to average over.")
@click.option("--batch", type=int, help="Images in the batch.")
@click.option("--seed", type=int, help="Of weights, images and labels.")
@click.option("--json", "as_json", is_flag=True, help="Print the values as JSON.")
def command(
    network: str,
    problem: str | None,
    data: Path | None,
    shape: str | None,
    classes: int | None,
    as_json: bool,
    **numbers: int | None,
) -> None:
    """Score NETWORK without training it: a genotype, or a function without arguments that returns a torch module.

    \b
    Examples:
      coernas score 'conv3:max/sep5,sep3:avg/mb6k5:max' --problem digits
      coernas score my_package.models:small --shape 3x32x32 --classes 10
    """
    given = {key: value for key, value in numbers.items() if value is not None}
    if problem is not None and shape is None and classes is None:
        document = _score_genotype(network, problem, data, given)
    elif problem is None and data is None and shape is not None and classes is not None:
        document = _score_module(network, shape, classes, given)
    else:
        raise click.UsageError("give --problem for a genotype, or --shape and --classes for a torch module")
    if as_json:
        print_json(document)
        return
    click.echo(document["network"])
    table = table_of("", "value", right=("value",))
    for name, value in document.items():
        if isinstance(value, Mapping):
            for proxy, number in value.items():
                table.add_row(proxy, f"{number:.6g}")
        elif isinstance(value, int):
            table.add_row(name, f"{value:,}")
    print_table(table)


def _score_genotype(text: str, name: str, data: Path | None, given: Mapping[str, int]) -> dict[str, object]:
    from coernas_moo.datasets.of_problem import open_data
    from coernas_moo.evaluation.evaluator import scoring_space
    from coernas_moo.proxies import score

    from .search import read_problem, with_data

    problem = with_data(read_problem(name, {}), data)
    info = open_data(problem).info
    space = problem.space_settings.build(info.shape, len(info.classes))
    genotype = space.canonical(space.from_text(text))
    reduced = scoring_space(problem, space)
    draw = {"batch": problem.score.batch, "repeats": problem.score.repeats, "seed": problem.search.seed, **given}
    with _code_of_the_user(f"{text} cannot be scored:"):
        found = score(
            reduced.build(genotype),
            reduced.input_shape,
            space.classes,
            batch=draw["batch"],
            repeats=draw["repeats"],
            seed=draw["seed"],
            proxies=problem.score.proxies,
        )
    return {
        "network": space.to_text(genotype),
        "proxies": found.values,
        "params": space.params(genotype),
        "macs": space.macs(genotype),
        "scored_at": str(reduced.input_shape),
        **draw,
    }


def _score_module(target: str, shape: str, classes: int, given: Mapping[str, int]) -> dict[str, object]:
    from coernas_moo.proxies import score

    sides = _read_shape(shape)
    draw = {"batch": 32, "repeats": 1, "seed": 0, **given}
    module = _make_module(target, draw["seed"])
    expected = f"a module takes float32 images of shape (n, {', '.join(map(str, sides))}) and returns (n, {classes})"
    with _code_of_the_user(f"{target} cannot be scored:", f"; {expected}"):
        found = score(module, sides, classes, batch=draw["batch"], repeats=draw["repeats"], seed=draw["seed"])
    return {
        "network": target,
        "proxies": found.values,
        "params": found.params,
        "macs": found.macs,
        "scored_at": shape,
        **draw,
    }


def _read_shape(text: str) -> tuple[int, ...]:
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise CoernasError(f"--shape {text}: write channels x height x width, for example 3x32x32")
    return tuple(int(part) for part in parts)


def _make_module(target: str, seed: int) -> nn.Module:
    import torch
    from torch import nn

    name, colon, attribute = target.partition(":")
    if not colon or not name or not attribute:
        raise CoernasError(f"{target!r} names no function; write package.module:callable")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    with _code_of_the_user(f"{name} cannot be imported:"):
        try:
            factory = getattr(importlib.import_module(name), attribute)
        except (ImportError, AttributeError) as error:
            raise CoernasError(f"{target}: {error}; is it spelt right, and can Python import it from here?") from None
    # What is drawn there and stays, such as an embedding of positions, has to be the same each time.
    torch.default_generator.manual_seed(seed % 2**63)
    with _code_of_the_user(f"{target}() raised"):
        module = factory()
    if not isinstance(module, nn.Module):
        raise CoernasError(f"{target}() returned a {type(module).__name__}, not a torch.nn.Module")
    return module


@contextmanager
def _code_of_the_user(failed: str, hint: str = "") -> Iterator[None]:
    """Whatever is raised inside becomes one line; what is printed goes to stderr."""
    try:
        with only_results_on_stdout(True):
            yield
    except CoernasError:
        raise
    except (Exception, SystemExit) as error:
        raise CoernasError(f"{failed} {type(error).__name__}: {error}{hint}") from error
