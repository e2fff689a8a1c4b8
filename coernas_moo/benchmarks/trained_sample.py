"""Accuracies of random networks after a short training, as a second ground on which a score has to hold.

The recipe is fixed and the same for every network; it is meant to rank networks, not to get the most out of them.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.datasets import Dataset, standardise
from coernas_moo.errors import DataError
from coernas_moo.networks.init import he_init
from coernas_moo.networks.memory import channels_last, weights_channels_last
from coernas_moo.spaces import SearchSpace

COLUMNS = ("genotype", "accuracy", "params", "macs", "seconds", "epochs", "seed")


@dataclass(frozen=True)
class Recipe:
    """AdamW with one cycle of the learning rate; horizontal flips and shifts by up to an eighth of the side.

    Args:
        epochs: passes over the training split.
        batch: images a step.
        learning_rate: at the peak of the cycle.
        weight_decay: decoupled.
        label_smoothing: of the cross-entropy.
    """

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1


def train_sample(
    space: SearchSpace,
    dataset: Dataset,
    path: Path,
    *,
    networks: int,
    seed: int = 0,
    recipe: Recipe | None = None,
    on_network: Callable[[str, float, int], None] | None = None,
) -> None:
    """Train random networks with distinct canonical forms and append one row each to a CSV file.

    Networks that are in the file already are skipped, so an interrupted call goes on where it stopped.

    Args:
        space: built for the data set's images and classes.
        dataset: with splits `train` and `test`.
        path: CSV with columns genotype, accuracy (per cent, test split), params, macs, seconds, epochs, seed.
        networks: how many.
        seed: of the sample, of weights and of the order of images.
        recipe: how each is trained.
        on_network: called with the genotype, its accuracy and its number.

    Raises:
        DataError: a split is missing, the space has not so many networks, or those in the file are of another seed,
            number of epochs or space.
    """
    if networks > space.canonical_size():
        raise DataError(f"the space has {space.canonical_size():,} networks, fewer than the {networks:,} asked for")
    recipe = recipe or Recipe()
    torch.set_num_threads(1)
    rows = read_sample(path) if path.exists() else []
    if any((row.get("epochs"), row.get("seed")) != (str(recipe.epochs), str(seed)) for row in rows):
        raise DataError(f"{path}: its networks were trained with another seed or for other epochs; give another file")
    done = {row["genotype"] for row in rows}
    train, test = dataset.load("train"), dataset.load("test")
    data = (standardise(train.images), train.labels, standardise(test.images), test.labels)
    rng = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    while len(texts) < networks:
        texts.setdefault(space.to_text(space.canonical(space.sample(1, rng)[0])))
    if not (done <= texts.keys() or texts.keys() <= done):
        raise DataError(f"{path}: its networks are of another space; give another file")
    for number, text in enumerate(texts, start=1):
        if text in done:
            continue
        genotype = space.from_text(text)
        network = space.build(genotype)
        he_init(network, torch.Generator().manual_seed(seed))
        accuracy, seconds = train_network(network, data, recipe, seed)
        costs = (space.params(genotype), space.macs(genotype))
        _append(path, (text, f"{accuracy:.2f}", *costs, f"{seconds:.1f}", recipe.epochs, seed))
        if on_network is not None:
            on_network(text, accuracy, number)


def train_network(
    network: nn.Module, data: tuple[Tensor, Tensor, Tensor, Tensor], recipe: Recipe, seed: int
) -> tuple[float, float]:
    """Train and test one network: (test accuracy in per cent, seconds).

    Args:
        network: initialised.
        data: training images (n, c, h, w) and labels (n,), test images and labels.
        recipe: how.
        seed: of the order of images and of the augmentation.
    """
    images, labels, test_images, test_labels = data
    generator = torch.Generator().manual_seed(seed)
    network = weights_channels_last(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * (len(images) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.25)
    started = time.process_time()
    network.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)
        for rows in order[: len(order) // recipe.batch * recipe.batch].view(-1, recipe.batch):
            batch = channels_last(_augmented(images[rows], generator))
            loss = F.cross_entropy(network(batch), labels[rows], label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        predicted = torch.cat([network(part).argmax(1) for part in torch.split(test_images, 250)])
    return 100.0 * float((predicted == test_labels).double().mean()), time.process_time() - started


def read_sample(path: Path) -> list[dict[str, str]]:
    """Rows of a file that `train_sample` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """The batch flipped with p = 0.5 and shifted, one shift a batch, zeros at the border."""
    height, width = images.shape[2:]
    pad = max(1, height // 8)
    down, right = torch.randint(0, 2 * pad + 1, (2,), generator=generator).tolist()
    padded = F.pad(images, (pad, pad, pad, pad))[:, :, down : down + height, right : right + width]
    flip = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(flip, padded.flip(3), padded)


def _append(path: Path, row: tuple[object, ...]) -> None:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(row)
