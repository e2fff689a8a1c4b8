"""What a refinement on images is to do: candidates, and rungs that the budget pays for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coernas_moo.config import ProblemFile
from coernas_moo.errors import CoernasError
from coernas_moo.refinement.candidates import Candidate, candidates_of
from coernas_moo.refinement.course import entries
from coernas_moo.refinement.document import RefineCandidate, RefineDocument, RefineRung
from coernas_moo.refinement.halving import Rung, epochs_of, longest
from coernas_moo.refinement.speed import epoch_seconds
from coernas_moo.search.run import Run
from coernas_moo.training.data import TrainingData
from coernas_moo.training.loop import steps_of_epoch
from coernas_moo.training.session import spec_of_genotype
from coernas_moo.training.spec import ModelSpec


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Args:
        name: of the refinement and of the winner's model directory.
        candidates: at most so many; fewer where the budget does not pay for one epoch of each.
        seconds: that the comparison may take; an estimate makes the plan.
        epochs: that the comparison may take instead, all candidates together; exact.
        seed: of all trainings.
    """

    name: str
    candidates: int = 20
    seconds: float | None = 600.0
    epochs: int | None = None
    seed: int = 0

    @property
    def asked(self) -> dict[str, str]:
        """As it is written down."""
        budget = f"{self.epochs} epochs" if self.epochs is not None else f"{self.seconds:g} s"
        return {"candidates": str(self.candidates), "budget": budget}


def planned(
    run: Run, problem: ProblemFile, data: TrainingData, request: Request, workers: int, device: str
) -> RefineDocument:
    """A refinement that has not begun.

    Raises:
        CoernasError: the run has too few candidates, or the budget does not pay for one epoch of two.
    """
    candidates = candidates_of(run, request.candidates)
    seconds = None
    if request.epochs is not None:
        epochs = request.epochs
        rungs = longest(len(candidates), problem.train.epochs, lambda rungs: epochs_of(rungs) <= epochs)
    else:
        rungs, seconds = _timed(run, problem, data, request, candidates, workers, device)
    if rungs and rungs[0].candidates < len(candidates):
        candidates = candidates_of(run, rungs[0].candidates)
    return RefineDocument(
        name=request.name,
        problem=problem.name,
        source="training",
        asked=request.asked,
        seed=request.seed,
        recipe=problem.train,
        data=data.fingerprint(),
        validation_images=len(data.validation),
        steps=steps_of_epoch(len(data.train), problem.train),
        rungs=tuple(RefineRung(candidates=rung.candidates, epochs=rung.epochs) for rung in rungs),
        planned_seconds=seconds,
        candidates=entries(candidates),
    )


def specs_of(
    run: Run,
    problem: ProblemFile,
    data: TrainingData,
    request: Request,
    candidates: Sequence[Candidate | RefineCandidate],
) -> dict[int, ModelSpec]:
    """What is to be trained, by the candidate's number."""
    return {
        one.number: spec_of_genotype(run, one.genotype, data, name=request.name, seed=request.seed, problem=problem)
        for one in candidates
    }


def _timed(
    run: Run,
    problem: ProblemFile,
    data: TrainingData,
    request: Request,
    candidates: Sequence[Candidate],
    workers: int,
    device: str,
) -> tuple[list[Rung], float]:
    """Rungs for a budget of time, and the estimate of what they take."""
    assert request.seconds is not None
    specs = specs_of(run, problem, data, request, candidates)
    each = epoch_seconds(candidates, specs, data, device)
    mean = sum(each.values()) / len(each)

    def seconds(rungs: Sequence[Rung]) -> float:
        before, total = 0, 0.0
        for rung in rungs:
            # A rung is over when its last candidate is: what does not fill all workers takes as long as one that does.
            total += -(-rung.candidates // workers) * (rung.epochs - before) * mean
            before = rung.epochs
        return total

    budget = request.seconds
    try:
        rungs = longest(len(candidates), problem.train.epochs, lambda rungs: seconds(rungs) <= budget)
    except CoernasError:
        raise CoernasError(
            f"--budget {budget:g}s does not pay for one epoch of two candidates, which takes about "
            f"{-(-2 // workers) * mean:.1f} s; give a larger one"
        ) from None
    return rungs, round(seconds(rungs), 1)
