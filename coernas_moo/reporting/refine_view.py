"""A refinement on screen: lines or a bar while it runs, a table at the end."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from coernas_moo.refinement.course import RefineListener
from coernas_moo.refinement.document import RefineCandidate, RefineDocument
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.genotype_text import GenotypeText

Print = Callable[[str], None]

FEW_STEPS = 20
"""Steps of training after which networks are hardly told apart by accuracy."""


def plan_text(document: RefineDocument) -> str:
    """The plan in one line."""
    if not document.rungs:
        return "one candidate: nothing to compare"
    text = ", ".join(f"{rung.candidates} for {rung.epochs} epoch{'s' * (rung.epochs > 1)}" for rung in document.rungs)
    if document.source == "table":
        return f"{text}; read from the NAS-Bench-201 table ({document.data})"
    text += f", each of {document.steps} step{'s' * (document.steps > 1)}" if document.steps else ""
    rest = (document.recipe.epochs if document.recipe else 0) - document.rungs[-1].epochs
    text += f", then the winner for {rest} more" if rest else ""
    if document.planned_seconds is not None:
        text += f"; the comparison takes about {fmt.duration(document.planned_seconds)}"
    return text


def short_rung(document: RefineDocument) -> str | None:
    """What to say of a first rung that is over after a few steps; None where there is nothing to say."""
    if not document.rungs or document.steps is None or document.winner is not None:
        return None
    steps = document.rungs[0].epochs * document.steps
    if steps >= FEW_STEPS:
        return None
    return (
        f"candidates are halved for the first time after {steps} step{'s' * (steps > 1)} of training, when all may "
        "still be alike and the score decides alone: give a larger budget, fewer --candidates, or a smaller train.batch"
    )


class RefineLines(RefineListener):
    """The plan, then one line a candidate and one a rung.

    Args:
        write: prints one line.
        warn: prints one warning.
    """

    def __init__(self, write: Print, warn: Print) -> None:
        self._write, self._warn = write, warn

    def planned(self, document: RefineDocument) -> None:
        known = sum(len(one.validation) for one in document.candidates)
        self._write(f"plan        {plan_text(document)}")
        if (said := short_rung(document)) is not None:
            self._warn(said)
        if known:
            self._write(f"goes on     after {known} training{'s' * (known > 1)}")

    def judged(self, document: RefineDocument, rung: int, number: int) -> None:
        one = document.candidates[number - 1]
        said = f"cannot be trained: {one.failure}" if one.failure else f"validation {fmt.percent(one.validation[rung])}"
        self._write(f"rung {rung + 1}/{len(document.rungs)}  candidate {number}  {said}")

    def halved(self, document: RefineDocument, rung: int) -> None:
        self._write(_halved(document, rung))


class RefineScreen(RefineListener):
    """The plan, then a bar a rung; use as a context manager, which gives the terminal back.

    Args:
        console: a terminal.
        warn: prints one warning.
    """

    def __init__(self, console: Console, warn: Print) -> None:
        self._console, self._warn = console, warn
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[best]}"), console=console, transient=True)
        self._task = self._progress.add_task("", total=1, best="", visible=False)

    def __enter__(self) -> RefineScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, document: RefineDocument) -> None:
        self._console.print(f"plan        {plan_text(document)}", markup=False)
        if (said := short_rung(document)) is not None:
            self._warn(said)
        over = max((one.eliminated or 0 for one in document.candidates), default=0)
        if document.rungs and document.winner is None:
            self._show(document, over)
            self._progress.start()

    def judged(self, document: RefineDocument, rung: int, number: int) -> None:
        self._show(document, rung)

    def halved(self, document: RefineDocument, rung: int) -> None:
        self._progress.console.print(_halved(document, rung), markup=False)
        if rung + 1 < len(document.rungs):
            self._show(document, rung + 1)
        else:
            self._progress.stop()

    def _show(self, document: RefineDocument, rung: int) -> None:
        here = [one for one in document.candidates if one.eliminated is None or one.eliminated > rung]
        done = [one for one in here if len(one.validation) > rung]
        best = f"best {fmt.percent(max(one.validation[rung] for one in done))}" if done else ""
        description = f"rung {rung + 1} of {len(document.rungs)}: to epoch {document.rungs[rung].epochs}"
        failed = sum(one.failure is not None for one in here)
        self._progress.update(
            self._task, description=description, total=len(here), completed=len(done) + failed, best=best, visible=True
        )


def refine_table(document: RefineDocument) -> Table:
    """Every candidate: what it is, its validation accuracy after each rung, and when it was left behind."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="validation accuracy", title_justify="left")
    for column in ("#", "score rank", "params"):
        table.add_column(column, justify="right", no_wrap=True)
    for rung in document.rungs:
        table.add_column(f"{rung.epochs} ep.", justify="right", no_wrap=True)
    table.add_column("left", no_wrap=True)
    table.add_column("genotype", overflow="fold")
    last = len(document.rungs) + 1
    for one in sorted(document.candidates, key=lambda one: (-(one.eliminated or last), one.number)):
        reached = [fmt.percent(value) for value in one.validation]
        style = "bold" if one.number == document.winner else ""
        table.add_row(
            str(one.number),
            str(one.score_rank),
            fmt.value("params", one.params),
            *(reached + [""] * (len(document.rungs) - len(reached))),
            _left(one, document),
            GenotypeText(one.genotype, style),
            style=style,
        )
    return table


def _left(one: RefineCandidate, document: RefineDocument) -> str:
    if one.failure:
        return "failed"
    if one.number == document.winner:
        return "winner"
    return f"after rung {one.eliminated}" if one.eliminated else ""


def _halved(document: RefineDocument, rung: int) -> str:
    stay = [one.number for one in document.candidates if one.eliminated is None]
    epochs = document.rungs[rung].epochs
    said = f"candidate {document.winner} wins" if document.winner else f"{', '.join(map(str, stay))} go on"
    return f"after {epochs} epoch{'s' * (epochs > 1)}: {said}"
