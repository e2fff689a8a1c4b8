"""The course of a refinement: who takes part in a rung, who goes on, what is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from coernas_moo.errors import ModelError
from coernas_moo.refinement.candidates import Candidate
from coernas_moo.refinement.document import RefineCandidate, RefineDocument
from coernas_moo.refinement.halving import best_first

Judged = tuple[int, float | None, float, str | None]
"""Number of a candidate, its validation accuracy (None where it failed), seconds, and why it failed."""

Keep = Callable[[RefineDocument], None]


class RefineListener:
    """Told about a refinement; does nothing. Subclass it to show progress."""

    def planned(self, document: RefineDocument) -> None:
        """The plan is made, or read where a refinement goes on."""

    def judged(self, document: RefineDocument, rung: int, number: int) -> None:
        """A candidate has gone through a rung (from 0)."""

    def halved(self, document: RefineDocument, rung: int) -> None:
        """A rung (from 0) is over, and who goes on is decided."""


def entries(candidates: Sequence[Candidate]) -> tuple[RefineCandidate, ...]:
    """Candidates as they are written down before anything is known of them."""
    return tuple(
        RefineCandidate(
            number=one.number,
            genotype=one.genotype,
            score=one.score,
            score_rank=one.score_rank,
            params=one.params,
            macs=one.macs,
            in_front=one.in_front,
        )
        for one in candidates
    )


def taking_part(document: RefineDocument, rung: int) -> list[RefineCandidate]:
    """Candidates of a rung (from 0) that are still in the running."""
    return [one for one in document.candidates if one.eliminated is None or one.eliminated > rung]


def with_judgement(document: RefineDocument, judged: Judged) -> RefineDocument:
    """The document with what a candidate reached in its next rung."""
    number, accuracy, seconds, failure = judged

    def changed(one: RefineCandidate) -> RefineCandidate:
        if accuracy is None:
            return msgspec.structs.replace(one, failure=failure or "no validation accuracy")
        return msgspec.structs.replace(
            one, validation=(*one.validation, accuracy), seconds=(*one.seconds, round(seconds, 3))
        )

    candidates = tuple(changed(one) if one.number == number else one for one in document.candidates)
    return msgspec.structs.replace(document, candidates=candidates)


def halved(document: RefineDocument, rung: int) -> RefineDocument:
    """The document after a rung (from 0): the better part goes on, or the best has won.

    Raises:
        ModelError: no candidate could be trained.
    """
    here = taking_part(document, rung)
    reached = {one.number: None if one.failure else one.validation[rung] for one in here}
    if all(value is None for value in reached.values()):
        raise ModelError(f"none of the candidates can be trained: {here[0].failure}")
    last = rung + 1 == len(document.rungs)
    go_on = 1 if last else document.rungs[rung + 1].candidates
    order = best_first(reached, document.validation_images)
    stay = {number for number in order[:go_on] if reached[number] is not None}
    out = set(reached) - stay
    candidates = tuple(
        msgspec.structs.replace(one, eliminated=rung + 1) if one.number in out else one for one in document.candidates
    )
    return msgspec.structs.replace(document, candidates=candidates, winner=order[0] if last else None)


def run_rungs(
    document: RefineDocument,
    judge: Callable[[Sequence[int], int], Iterable[Judged]],
    keep: Keep,
    listener: RefineListener,
) -> RefineDocument:
    """Go through all rungs that are not over yet.

    Args:
        document: where the refinement stands.
        judge: given numbers of candidates and a rung, an iterable of `Judged` as they come.
        keep: told the document after every step, to be saved.
        listener: told about progress.
    """
    for rung in range(len(document.rungs)):
        if document.winner is not None or any(one.eliminated == rung + 1 for one in document.candidates):
            continue
        todo = [one.number for one in taking_part(document, rung) if len(one.validation) == rung and not one.failure]
        for one in judge(todo, rung):
            document = with_judgement(document, one)
            keep(document)
            listener.judged(document, rung, one[0])
        document = halved(document, rung)
        keep(document)
        listener.halved(document, rung)
    if not document.rungs and document.winner is None:
        document = msgspec.structs.replace(document, winner=document.candidates[0].number)
    return document
