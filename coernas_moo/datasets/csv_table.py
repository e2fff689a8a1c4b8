"""Images in one folder, labels in a CSV table; the layout of APTOS 2019 is the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import ClassVar

from coernas_moo.datasets.dataset import Dataset
from coernas_moo.datasets.image_files import (
    ImageFiles,
    LabelledFile,
    natural_order,
    normal_text,
)
from coernas_moo.datasets.images import is_image_name
from coernas_moo.datasets.listing import list_images
from coernas_moo.datasets.settings import ImageFileSettings, register_dataset
from coernas_moo.datasets.table import find_table, read_table
from coernas_moo.errors import DataError

LONGEST = 300
"""Digits before or after the point up to which a number that is a class is written out."""


@register_dataset
class CsvSettings(ImageFileSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind = "csv"`: one row per image, with its file name and its class.

    Labels that are whole numbers are ordered as numbers, others as text. Rows with an empty label, or NaN among
    numbers, are left out.

    Args:
        path: the table, or a folder that holds `train.csv` or only one table.
        images: folder of the images, relative to the table; by default the one of `<table>_images`,
            `train_images` and `images` that exists, else the table's own folder.
        id_column: column with the file name, with or without its suffix, possibly with a folder before it.
        label_column: column with the class.
    """

    kind: ClassVar[str] = "csv"

    images: str = ""
    id_column: str = "id_code"
    label_column: str = "diagnosis"

    def open(self, base: Path) -> Dataset:
        file = find_table(self.resolve(base))
        table = read_table(file)
        for column in (self.id_column, self.label_column):
            if column not in table.columns:
                known = ", ".join(table.columns)
                raise DataError(
                    f"{file} has no column {column!r}; it has {known}. Set data.id_column and data.label_column"
                )
        folder = image_folder(file, self.images)
        index = index_images(folder)
        if not index:
            raise DataError(
                f"there are no images in {folder}; set data.images (for 'coernas new': --images) to the folder with "
                f"the images of {file}"
            )
        ids = [_entry(value, folder) for value in table.columns[self.id_column]]
        labels = _tidy(table.columns[self.label_column])
        return self._open(file, folder, index, ids, labels)

    def _open(
        self, file: Path, folder: Path, index: Mapping[str, Path], ids: Sequence[str], labels: Sequence[str]
    ) -> Dataset:
        unlabelled = [name for name, label in zip(ids, labels, strict=True) if not label]
        rows: dict[str, str] = {}
        repeated: list[str] = []
        # With and without suffix a name is one image's.
        spelled: dict[Path | str, str] = {}
        for each, label in zip(ids, labels, strict=True):
            if not label:
                continue
            name = spelled.setdefault(index.get(each, each), each)
            if name in rows:
                repeated.append(each)
            if rows.setdefault(name, label) != label:
                raise DataError(f"{file} gives {name!r} the classes {rows[name]!r} and {label!r}; keep one row")
        missing = [name for name in rows if name not in index]
        present = {name: label for name, label in rows.items() if name in index}
        if not present:
            example = f"; the first row asks for {missing[0]!r}" if missing else ""
            raise DataError(f"not one row of {file} has a label and an image in {folder}{example}")
        classes = natural_order(present.values())
        numbers = {name: number for number, name in enumerate(classes)}
        total = len(ids)
        return ImageFiles(
            kind=self.kind,
            source=file,
            classes=classes,
            files={"train": [LabelledFile(name, index[name], numbers[present[name]]) for name in sorted(present)]},
            settings=self,
            notices=[
                f"{len(names)} of {total} rows of {file} {what}, the first {names[0]!r}; left out"
                for names, what in (
                    (missing, f"have no image in {folder}"),
                    (unlabelled, f"have no {self.label_column}"),
                    (repeated, "name an image a second time"),
                )
                if names
            ],
        )


def image_folder(file: Path, images: str) -> Path:
    """The folder with the images of the table `file`.

    Raises:
        DataError: `images` names a folder that is not there.
    """
    if images:
        folder = file.parent / Path(images).expanduser()
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}; set data.images to the folder with the images of {file}")
        return folder
    for name in (f"{file.stem}_images", "train_images", "images"):
        if (file.parent / name).is_dir():
            return file.parent / name
    return file.parent


def index_images(folder: Path) -> dict[str, Path]:
    """Image files below a folder by their path in it, with and without suffix; of two, the first by name."""
    index: dict[str, Path] = {}
    for path in list_images(folder):
        name = normal_text(path.relative_to(folder).as_posix())
        index[name] = path
        index.setdefault(name[: -len(path.suffix)], path)
    return index


def _tidy(labels: Sequence[str]) -> list[str]:
    """Labels as names; of numbers one that is written in two ways is one, and NaN is none.

    Example:
        >>> _tidy(["1", "2.0", "", "nan"]), _tidy(["0.50", "1.0", "1"]), _tidy(["1", "b", "nan"])
        (['1', '2', '', ''], ['0.5', '1', '1'], ['1', 'b', 'nan'])
    """
    try:
        numbers = [Decimal(label) if label else Decimal("nan") for label in labels]
    except InvalidOperation:
        return [normal_text(label) for label in labels]
    return ["" if number.is_nan() else _shortest(number) for number in numbers]


def _shortest(number: Decimal) -> str:
    # Written out, a number of a few letters may be longer than memory.
    if not number.is_finite() or abs(number.adjusted()) > LONGEST:
        return str(number)
    # `normalize` would round long ones.
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def guess_columns(file: Path, images: str = "") -> CsvSettings:
    """Settings for a table whose columns are not known.

    The file names are in the column of APTOS 2019 or the first one whose entries are mostly images; the classes in the
    column with a common name for them, or in the only other one.

    Args:
        file: the table.
        images: folder of the images, as in the settings.

    Raises:
        DataError: the columns cannot be told, or there is no such folder.
    """
    table = read_table(file)
    columns = table.columns
    known = CsvSettings()
    folder = image_folder(file, images)
    index = index_images(folder)
    named = next((name for name in columns if _entry(name, folder) in index), None)
    if named is not None and (is_image_name(named) or any(name.isdecimal() for name in columns)):
        raise DataError(f"{file} has no header line, its first line names the image {named!r}; add one: file,label")
    ids = known.id_column if known.id_column in columns else _first_of_images(columns, index, folder)
    others = [name for name in columns if name != ids]
    usual = (known.label_column, "label", "class", "target", "category", "grade", "level")
    by_name = [name for wish in usual for name in others if name.lower() == wish]
    label = (by_name + (others if len(others) == 1 else []))[:1]
    if ids is None and index:
        first = ", ".join(f"{name}: {values[0]!r}" for name, values in columns.items())
        raise DataError(
            f"no column of {file} names images in {folder} ({first}, but there is {next(iter(index))!r}); give their "
            "paths in that folder, or set data.images, data.id_column and data.label_column"
        )
    if ids is None or not label:
        raise DataError(
            f"cannot tell the columns of {file} ({', '.join(columns)}): set data.id_column and data.label_column"
        )
    return CsvSettings(path=str(file), images=images, id_column=ids, label_column=label[0])


def _first_of_images(columns: Mapping[str, Sequence[str]], index: Mapping[str, Path], folder: Path) -> str | None:
    for name, values in columns.items():
        if 2 * sum(_entry(value, folder) in index for value in values) > len(values):
            return name
    return None


def _entry(value: str, folder: Path) -> str:
    """What a table calls an image, as `index_images` has it: a path in the folder, from `./x.png` or an absolute one.

    Example:
        >>> [_entry(value, Path("/eyes")) for value in ("a/x.png", "./x.png", "/eyes/x.png", "/ears/x.png")]
        ['a/x.png', 'x.png', 'x.png', '/ears/x.png']
    """
    text = normal_text(value).removeprefix("./")
    return text.removeprefix(f"{folder.as_posix()}/")
