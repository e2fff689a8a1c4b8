"""A training on screen: a table that moves on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from rich.console import Console, Group, RenderableType
from rich.text import Text

from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.screen import (
    ROWS,
    Screen,
    clock,
    table_of_steps,
    time_bar,
    without_what_does_not_fit,
)
from coernas_moo.training.augment import variation
from coernas_moo.training.data import TrainingData
from coernas_moo.training.progress import Epoch, TrainingListener
from coernas_moo.training.recipe import Recipe

Print = Callable[[str], None]


class TrainingWarnings(TrainingListener):
    """Says what the user should know about the data, once, and nothing else.

    Args:
        warn: prints one warning.
    """

    def __init__(self, warn: Print) -> None:
        self._warn = warn
        self._said: set[str] = set()

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> None:
        for message in data.warnings:
            if message not in self._said:
                self._said.add(message)
                self._warn(message)


class TrainingLines(TrainingWarnings):
    """The header, then one line an epoch.

    Args:
        write: prints one line.
        warn: prints one warning.
    """

    def __init__(self, write: Print, warn: Print) -> None:
        super().__init__(warn)
        self._write = write

        self._chosen: str | None = None
        self._before = False

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> None:
        super().started(name, data, recipe, facts, done)
        if self._before:
            self._write("")
        self._before, self._chosen = True, _chosen_by(recipe)
        for label, text in header(name, data, recipe, facts, done).items():
            self._write(f"{label:<11} {text}")

    def epoch(self, epoch: Epoch) -> None:
        parts = [f"epoch {epoch.epoch}/{epoch.epochs}", f"loss {epoch.loss:.4f}"]
        if epoch.validation:
            parts.append(f"validation accuracy {fmt.percent(epoch.validation['accuracy'])}")
            if self._chosen is not None:
                parts.append(f"{self._chosen} {epoch.validation[self._chosen]:.4f}")
            parts.append(f"best in epoch {epoch.best_epoch}")
        parts += [f"{epoch.images_per_second:,.0f} images/s", f"{clock(epoch.seconds_left)} left"]
        self._write("  ".join(parts))

    def stopped(self, epoch: int, best_epoch: int) -> None:
        self._write(_stopped(epoch, best_epoch))


class TrainingScreen(Screen, TrainingWarnings):
    """The header, then a table of the last epochs.

    Args:
        console: a terminal.
        warn: prints one warning.
    """

    def __init__(self, console: Console, warn: Print) -> None:
        Screen.__init__(self, console)
        TrainingWarnings.__init__(self, warn)
        self._done: deque[Epoch] = deque(maxlen=ROWS)
        self._chosen: str | None = None
        self._before = False

    def started(self, name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> None:
        self._stop()
        super().started(name, data, recipe, facts, done)
        if self._before:
            self._console.print()
        self._before, self._chosen = True, _chosen_by(recipe)
        self._done.clear()
        self._begin(header(name, data, recipe, facts, done))

    def epoch(self, epoch: Epoch) -> None:
        self._done.append(epoch)
        self._at = time.monotonic()

    def stopped(self, epoch: int, best_epoch: int) -> None:
        self._stop()
        self._console.print(_stopped(epoch, best_epoch))

    def render(self) -> RenderableType:
        """What the screen shows now."""
        since, done = time.monotonic() - self._at, list(self._done)
        if not done:
            return Text(f"\nfirst epoch ... {clock(since)}", style="dim")
        chosen = [name for name in (self._chosen,) if name is not None and name != "loss"]
        table = table_of_steps(
            (
                *("epoch", "loss", "val. accuracy"),
                *(f"val. {name}" for name in chosen),
                *("val. loss", "best epoch", "learning rate", "images/s"),
            )
        )
        for epoch in done:
            judged = epoch.validation
            table.add_row(
                f"{epoch.epoch}/{epoch.epochs}",
                f"{epoch.loss:.4f}",
                fmt.percent(judged["accuracy"]) if judged else fmt.UNKNOWN,
                *(f"{judged[name]:.4f}" if judged else fmt.UNKNOWN for name in (*chosen, "loss")),
                str(epoch.best_epoch),
                f"{epoch.learning_rate:.2e}",
                f"{epoch.images_per_second:,.0f}",
            )
        last = done[-1]
        if last.epoch == last.epochs:
            # What follows, judging on the test part, is no training.
            since = 0.0
        bar = time_bar(last.seconds + since, last.seconds_left - since, last.epoch / last.epochs)
        return Group("", without_what_does_not_fit(table, self._console), "", bar)


def _chosen_by(recipe: Recipe) -> str | None:
    """The measure that the kept epoch is best at, where that is not the accuracy, which is shown anyway."""
    return None if recipe.select in ("accuracy", "last") else recipe.select


def _stopped(epoch: int, best_epoch: int) -> str:
    return f"stopped after epoch {epoch}: nothing has been better than epoch {best_epoch} (train.patience)"


def header(name: str, data: TrainingData, recipe: Recipe, facts: Mapping[str, str], done: int) -> dict[str, str]:
    """What a training begins with, for people to read."""
    rows = {"train": name, **facts}
    rows["data"] = (
        f"{data.source}: {len(data.train):,} images {data.shape} to train on, {len(data.validation):,} to choose by, "
        f"{len(data.test):,} to test on; {len(data.classes)} classes"
    )
    rows["recipe"] = f"{recipe_text(recipe)}; {kept_text(recipe, len(data.validation) > 0)}"
    if done:
        rows["goes on"] = f"after epoch {done}"
    return rows


def recipe_text(recipe: Recipe) -> str:
    """A recipe in one line.

    Example:
        >>> recipe_text(Recipe(epochs=3, augment="none"))
        '3 epochs of batches of 64, adamw, one-cycle up to 0.004, weight decay 0.05, no augmentation, label smoothing \
0.1, averaged weights (0.99)'
    """
    parts = [
        f"{recipe.epochs} epoch{'s' * (recipe.epochs > 1)} of batches of {recipe.batch}",
        recipe.optimiser,
        f"{recipe.schedule} up to {recipe.learning_rate:g}",
        f"weight decay {recipe.weight_decay:g}",
    ]
    change = variation(recipe)
    flips = [word for word, on in (("left-right", change.flip_horizontal), ("up-down", change.flip_vertical)) if on]
    varied = [f"flips {' and '.join(flips)}"] if flips else []
    varied += [f"shifts {change.shift:.0%}"] if change.shift else []
    varied += [f"rotations {change.rotate:g} degrees"] if change.rotate else []
    varied += [
        f"{word} {value:.0%}" for word in ("scale", "brightness", "contrast") if (value := getattr(change, word))
    ]
    if change.warp < 1 and (change.rotate or change.scale):
        varied.append(f"{change.warp:.0%} of the images rotated and scaled")
    varied += [f"erasing {change.erase:.0%}"] if change.erase else []
    parts.append(", ".join(varied) or "no augmentation")
    parts += [f"mixup {recipe.mixup:g}"] if recipe.mixup else []
    parts += [f"label smoothing {recipe.label_smoothing:g}"] if recipe.label_smoothing else []
    parts += [f"averaged weights ({recipe.ema:g})"] if recipe.ema else []
    parts += [f"classes weighted ({recipe.class_weights})"] if recipe.class_weights != "none" else []
    parts += [f"gradients clipped at {recipe.clip:g}"] if recipe.clip else []
    return ", ".join([*parts, *([f"patience {recipe.patience}"] if recipe.patience else [])])


def kept_text(recipe: Recipe, has_validation: bool) -> str:
    """Which epoch's weights are kept.

    Example:
        >>> kept_text(Recipe(select="f1"), True), kept_text(Recipe(select="f1"), False)
        ('the epoch with the best f1 on the validation part is kept', "the last epoch's weights are kept")
    """
    if recipe.select == "last" or not has_validation:
        return "the last epoch's weights are kept"
    best = "lowest" if recipe.select == "loss" else "best"
    return f"the epoch with the {best} {recipe.select} on the validation part is kept"
