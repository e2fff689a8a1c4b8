"""`coernas export`: one network of a run as a file that runs elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import warn
from .latest import open_run
from .names import complete_run, run_path
from .output import print_json, print_table, print_view, status_on_stderr

if TYPE_CHECKING:
    from coernas_moo.export import Exported, Model


@click.command()
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--pick", metavar="PICK", help="Which network: best, knee, fastest, smallest, or its number.  [knee]")
@click.option(
    "--to",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="File to write: NAME.onnx, NAME.pt2 or NAME.py; may be given several times.",
)
@click.option("--untrained", is_flag=True, help="Random weights, even where the pick has been trained.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written, and the check, as JSON.")
def command(
    run: str | None, pick: str | None, paths: tuple[Path, ...], untrained: bool, force: bool, as_json: bool
) -> None:
    """Export a network of RUN, trained where 'coernas train' has trained it, and check the file by running it.

    RUN is a run's folder or its name in results/runs; the latest run if it is left out. It may also be the folder of
    one trained model, such as RUN/models/knee.

    \b
    Examples:
      coernas export digits-1 --pick knee --to knee.onnx
      coernas export digits-1 --pick best --to best.py --to best.pt2 --untrained
    """
    import msgspec

    from coernas_moo.export import check_target, export_model, is_model_directory
    from coernas_moo.reporting.export_view import check_text, exported_table, model_facts
    from coernas_moo.search.run_directory import MODELS
    from coernas_moo.training.spec import BEST

    paths = tuple(dict.fromkeys(paths))
    for path in paths:
        check_target(path, replace=force)
    model = _model(run, pick, untrained)
    if not model.description.trained and not untrained:
        other = open_run(run).directory.path / MODELS / (pick or "knee")
        remedy = "train it first with 'coernas train', or say --untrained"
        if (other / BEST).is_file() and is_model_directory(other):
            remedy = f"{other} is of another network, which this pick was before: coernas export {other}"
        warn(
            "this network has not been trained: its weights are random, and pixels from 0 to 1 are taken as they are; "
            + remedy
        )
    if not model.finished:
        warn(
            f"{model.directory}: the training has not come to its end; these are the best weights so far; to "
            "finish it, give the command that trained it again"
        )
    written = []
    for path in paths:
        with status_on_stderr(f"exporting {path}"):
            written.append(export_model(model, path, replace=force))
    if as_json:
        described = msgspec.to_builtins(model.description)
        print_json({**described, "exports": [_document(each) for each in written]})
        return
    print_view(model_facts(model))
    print_table(exported_table(written))
    print_view(check_text())
    for path in paths:
        if path.suffix.lower() == ".onnx":
            click.echo(f"\nclassify images:  coernas predict {shlex.quote(str(path))} path/to/images")


def _model(run: str | None, pick: str | None, untrained: bool) -> Model:
    from coernas_moo.export import is_model_directory, model_of, trained_model

    if run is not None and is_model_directory(run_path(run)):
        if pick is not None or untrained:
            raise click.UsageError(f"{run} is one trained model: leave out --pick and --untrained, or name its run")
        return trained_model(run_path(run))
    return model_of(open_run(run), pick or "knee", trained=not untrained)


def _document(exported: Exported) -> dict[str, object]:
    checked = exported.check
    return {
        "path": str(exported.path),
        "files": [str(path) for path in exported.files],
        "bytes": exported.size,
        "seconds": exported.seconds,
        "probability_difference": checked.probability_difference,
        "logit_difference": checked.logit_difference,
        "latency_ms": checked.latency_ms,
        "torch_latency_ms": checked.torch_ms,
        "latency_ratio": checked.latency_ratio,
    }
