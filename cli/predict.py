"""`coernas predict`: an exported network on image files."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import warn
from .output import fits, print_json, print_table, progress_on_stderr, table_of

if TYPE_CHECKING:
    from rich.table import Table

    from coernas_moo.datasets.images import UnreadableImage
    from coernas_moo.export.predictor import Prediction, Predictor


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes to name for an image.")
@click.option("--batch", type=click.IntRange(min=1), default=32, show_default=True, help="Images to run together.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of onnxruntime (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one row an image, with the probability of every class.")
def command(
    model: Path,
    images: tuple[Path, ...],
    top: int,
    batch: int,
    threads: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Classify IMAGES with MODEL, an ONNX file of 'coernas export'.

    IMAGES are files, or folders that are searched for images at any depth. Images that cannot be read are named and
    left out. Torch is not needed.

    \b
    Examples:
      coernas predict knee.onnx photo.jpg
      coernas predict knee.onnx path/to/images --csv > predictions.csv
    """
    from coernas_moo.datasets.images import UnreadableImage
    from coernas_moo.errors import DataError
    from coernas_moo.export.predictor import Prediction, Predictor, find_images

    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be given together")
    predictor = Predictor(model, threads or 0)
    if not predictor.description.trained:
        warn(f"{model}: this network was exported untrained; what it says is random")
    paths = find_images(images)
    answers: list[Prediction | UnreadableImage] = []
    with progress_on_stderr("images") as report:
        for answer in predictor.predict(paths, batch):
            answers.append(answer)
            report(len(answers), len(paths))
    predictions = [answer for answer in answers if isinstance(answer, Prediction)]
    unreadable = [answer for answer in answers if isinstance(answer, UnreadableImage)]
    if not predictions:
        all_of_them = f"not one of {len(paths)} images can be read: " if len(paths) > 1 else ""
        raise DataError(f"{all_of_them}{unreadable[0]}; give images that other programs open")
    for each in unreadable:
        warn(f"{each}; it is left out")
    if as_json:
        print_json(_document(predictor, predictions, unreadable, top))
    elif as_csv:
        _print_csv(predictor.classes, predictions)
    else:
        _print_table(predictor, predictions, top)


def _document(
    predictor: Predictor, predictions: Sequence[Prediction], unreadable: Sequence[UnreadableImage], top: int
) -> dict[str, object]:
    classes = predictor.classes
    return {
        "model": str(predictor.path),
        "trained": predictor.description.trained,
        "classes": list(classes),
        "images": [
            {
                "image": str(each.path),
                "class": classes[each.top(1)[0]],
                "probability": max(each.probabilities),
                "top": [{"class": classes[n], "probability": each.probabilities[n]} for n in each.top(top)],
                "probabilities": list(each.probabilities),
            }
            for each in predictions
        ],
        "unreadable": [{"image": str(each.path), "reason": each.reason} for each in unreadable],
    }


def _print_csv(classes: Sequence[str], predictions: Iterable[Prediction]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "class", "probability", *(f"p_{name}" for name in classes)])
    for each in predictions:
        best = each.top(1)[0]
        writer.writerow([each.path, classes[best], each.probabilities[best], *each.probabilities])


def _print_table(predictor: Predictor, predictions: Sequence[Prediction], top: int) -> None:
    classes = predictor.classes
    table = _table(classes, predictions, top, None)
    folder = _common_folder([each.path for each in predictions])
    if folder is not None and not fits(table):
        table = _table(classes, predictions, top, folder)
    print_table(table)
    if len(predictions) > 1:
        counts = Counter(classes[each.top(1)[0]] for each in predictions)
        said = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
        click.echo(f"{len(predictions)} images: {said}")


def _table(classes: Sequence[str], predictions: Sequence[Prediction], top: int, folder: Path | None) -> Table:
    """One row an image, named within `folder` where there is one."""
    from rich.text import Text

    numbers = ("probability",)
    table = table_of("image", "class", *numbers, *(["then"] if top > 1 else []), right=numbers)
    if folder is not None:
        table.title = Text(f"images in {folder}")
    for each in predictions:
        first, *rest = each.top(top)
        then = ", ".join(f"{classes[number]} {_percent(each.probabilities[number])}" for number in rest)
        name = str(each.path if folder is None else each.path.relative_to(folder))
        cells = [name, classes[first], _percent(each.probabilities[first]), *([then] if top > 1 else [])]
        table.add_row(*map(Text, cells))
    return table


def _common_folder(paths: Sequence[Path]) -> Path | None:
    """The deepest folder that all are in; None where it would not shorten their names.

    Example:
        >>> _common_folder([Path("a/b/1.png"), Path("a/c/2.png")]).as_posix()
        'a'
        >>> _common_folder([Path("1.png"), Path("a/2.png")]), _common_folder([Path("/a/1.png"), Path("2.png")])
        (None, None)
    """
    shared: list[str] = []
    for parts in zip(*(path.parent.parts for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return Path(*shared) if shared else None


def _percent(probability: float) -> str:
    """A probability to read: no row of digits looks more certain than it is.

    Example:
        >>> _percent(0.9731), _percent(0.99999), _percent(0.0001), _percent(1.0)
        ('97.3 %', '>99.9 %', '<0.1 %', '>99.9 %')
    """
    if probability > 0.9995:
        return ">99.9 %"
    return "<0.1 %" if probability < 0.0005 else f"{100 * probability:.1f} %"
