"""Images in one folder per class, with or without a folder per split above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from coernas_moo.datasets.dataset import Dataset
from coernas_moo.datasets.image_files import (
    ImageFiles,
    LabelledFile,
    natural_order,
    normal_text,
)
from coernas_moo.datasets.listing import list_images, subfolders
from coernas_moo.datasets.settings import ImageFileSettings, register_dataset, require_text
from coernas_moo.errors import DataError

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_ORDER = ("train", "val", "test")


@register_dataset
class FolderSettings(ImageFileSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind = "folder"`: a folder per class, its name the class; images may lie deeper inside.

    Where the folder has a subfolder `train` with folders inside, class folders are looked for in `train`, `val`
    (or `valid`, `validation`) and `test`; else all images are one split, "train".
    """

    kind: ClassVar[str] = "folder"

    def open(self, base: Path) -> Dataset:
        folder = self.resolve(base)
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder; give a folder with one subfolder of images for each class")
        roots = split_roots(folder)
        listed = {split: _class_images(root, allow_empty=split != "train") for split, root in roots.items()}
        classes = natural_order(name for by_class in listed.values() for name in by_class)
        if not classes:
            raise DataError(_no_classes(folder))
        if len(classes) == 1:
            raise DataError(_one_class(folder, roots["train"], classes[0]))
        numbers = {name: number for number, name in enumerate(classes)}
        files = {
            split: [
                LabelledFile(normal_text(path.relative_to(folder).as_posix()), path, numbers[name])
                for name in classes
                for path in by_class.get(name, ())
            ]
            for split, by_class in listed.items()
        }
        notices = [
            f"class {name!r} has no images to train on in {roots['train']}"
            for name in classes
            if name not in listed["train"]
        ]
        if folder not in roots.values():
            notices += [
                f"folder {child} is none of train, val and test and is left out"
                for child in subfolders(folder)
                if child not in roots.values()
            ]
        return ImageFiles(kind=self.kind, source=folder, classes=classes, files=files, settings=self, notices=notices)


def split_roots(folder: Path) -> Mapping[str, Path]:
    """The folder that holds the class folders of each split; `{"train": folder}` where there are no splits.

    Raises:
        DataError: two folders are the same split, or there are splits but none to train on.
    """
    children = subfolders(folder)
    named = [(_SPLITS[child.name.lower()], child) for child in children if child.name.lower() in _SPLITS]
    roots: dict[str, Path] = {}
    for split, child in named:
        # A class may be called "train" or "test": a split has folders inside, a class has images.
        if not subfolders(child):
            continue
        if split in roots:
            raise DataError(f"{roots[split]} and {child} are both the split {split!r}; keep one of them")
        roots[split] = child
    if "train" in roots:
        return {split: roots[split] for split in _ORDER if split in roots}
    if roots and len(named) == len(children):
        found = ", ".join(child.name for _, child in named)
        raise DataError(f"{folder} has the splits {found} but no folder 'train'; add one")
    return {"train": folder}


def _class_images(root: Path, allow_empty: bool) -> dict[str, Sequence[Path]]:
    by_class: dict[str, Sequence[Path]] = {}
    for child in subfolders(root):
        require_text(child)
        images = list_images(child)
        if images:
            by_class[normal_text(child.name)] = images
        elif not allow_empty:
            raise DataError(f"class folder {child} holds no images; add some, or remove the folder")
    return by_class


def _no_classes(folder: Path) -> str:
    if list_images(folder):
        return f"the images in {folder} lie in no class folders; move them into one subfolder for each class"
    return f"there are no images in {folder}; it should have one subfolder of images for each class"


def _one_class(folder: Path, root: Path, name: str) -> str:
    message = f"{folder} has one class only ({name!r}); a classifier needs at least two"
    inner = subfolders(root / name) if (root / name).is_dir() else []
    return f"{message}. Did you mean {root / name}?" if len(inner) > 1 else message
