"""`model.json`: all that it takes to build a trained model's network again and to feed it images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from coernas_moo.documents import read_json
from coernas_moo.errors import ModelError
from coernas_moo.files import write_atomically
from coernas_moo.training.recipe import Recipe

MODEL_FILE, BEST, LAST, METRICS = "model.json", "best.pt", "last.pt", "metrics.json"


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a model directory says of its model.

    The network is that of `genotype` in the space `space`, or else the one called `baseline`. It takes float32 images
    (n, channels, height, width) in [0, 1], normalised by channel, (x - mean) / std, and returns unnormalised scores
    (n, classes).

    Args:
        name: of the directory, such as `knee` or `resnet18`.
        problem: name of the problem.
        classes: names, in the order of the scores.
        channels, height, width: of an image.
        mean, std: of each channel, on the scale of 0 to 1.
        recipe: how the network is trained.
        seed: of initialisation, order of images and augmentation.
        data: `[data]` of the problem file: where the images came from.
        ordinal: the classes are grades in order.
        images: fingerprint of the images' names, classes and division.
        space: `[space]` of the problem file, for a network that was searched.
        genotype: canonical, as text, for a network that was searched.
        baseline: name of a network that was not: an entry of `BASELINES`, or `timm:NAME`.
        plugins: Python files that define parts of the space, or the baseline.
        search_seconds: what the search took that found the network.
        versions: of packages.
        format: of this file.
    """

    name: str
    problem: str
    classes: tuple[str, ...]
    channels: int
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    recipe: Recipe
    seed: int
    data: dict[str, Any]
    ordinal: bool = False
    images: str = ""
    space: dict[str, Any] | None = None
    genotype: str | None = None
    baseline: str | None = None
    plugins: tuple[str, ...] = ()
    search_seconds: float | None = None
    versions: dict[str, str] = {}
    format: Literal[1] = 1

    @property
    def network_text(self) -> str:
        """What the network is: its genotype, or the baseline's name."""
        return self.genotype if self.genotype is not None else str(self.baseline)


def write_spec(spec: ModelSpec, directory: Path) -> None:
    """Write `model.json`; raises `RunError` where it cannot be written."""
    write_atomically(directory / MODEL_FILE, msgspec.json.format(msgspec.json.encode(spec), indent=1))


def read_spec(directory: str | Path) -> ModelSpec:
    """Read `model.json`.

    Raises:
        ModelError: it is missing, or not what `write_spec` writes.
    """
    path = Path(directory) / MODEL_FILE
    return read_json(
        path,
        ModelSpec,
        "the description of a model",
        "train it again, with --anew",
        missing=f"{directory}: no model here (no {MODEL_FILE}); train one with: coernas train",
        error=ModelError,
    )
