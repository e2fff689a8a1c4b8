"""`refine.json`: the plan of a refinement, made once, and what came of it so far."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from coernas_moo.documents import read_json_if_there
from coernas_moo.errors import ModelError
from coernas_moo.files import write_atomically
from coernas_moo.training.recipe import Recipe

REFINE_FILE = "refine.json"
REFINEMENTS = "refine"
"""The folder of a run that holds its refinements, a directory each."""


class RefineRung(msgspec.Struct, frozen=True, kw_only=True):
    """One round of successive halving.

    Args:
        candidates: that take part.
        epochs: that each is trained for at its end, earlier rounds included.
    """

    candidates: int
    epochs: int


class RefineCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate, and what is known of it.

    Args:
        number: from 1, by score.
        genotype: canonical text.
        score: the run's, in (0, 1).
        score_rank: among all of the archive that meets the limits, from 1.
        params: trainable parameters at full size.
        macs: multiply-accumulate operations for one image.
        in_front: it was on the front.
        validation: accuracy on the validation part after each rung that it took part in, a share.
        seconds: that its training took in each of these rungs.
        eliminated: rung after which it was left behind, from 1; null for the winner, and while it is in the running.
        failure: why it could not be trained.
    """

    number: int
    genotype: str
    score: float
    score_rank: int
    params: float
    macs: float
    in_front: bool
    validation: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    eliminated: int | None = None
    failure: str | None = None


class RefineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`refine.json`: everything about one refinement of a run.

    Args:
        name: of the refinement; the winner's model directory has it too.
        problem: name of the problem.
        source: `training`, or `table` where accuracies were read from the NAS-Bench-201 table.
        asked: what was asked for: candidates, budget or epochs.
        seed: of all trainings.
        recipe: how candidates are trained; null with a table.
        data: fingerprint of the images and their division, or the table's data set.
        validation_images: that accuracies are measured on; null with a table.
        steps: training steps of one epoch; null with a table.
        rungs: the plan, made once at the start and kept by every resumption.
        planned_seconds: estimate that the plan was made from; null where it was made from epochs, or with a table.
        candidates: best score first.
        winner: number of the candidate that is left; null while that is open.
        before: test accuracy of the top score, from the table; null where nothing was read from one.
        after: test accuracy of the winner, likewise.
        status: `running` or `finished`.
        format: of this file.
    """

    name: str
    problem: str
    source: Literal["training", "table"]
    asked: dict[str, str]
    seed: int
    recipe: Recipe | None
    data: str
    validation_images: int | None
    rungs: tuple[RefineRung, ...]
    planned_seconds: float | None
    candidates: tuple[RefineCandidate, ...]
    winner: int | None = None
    steps: int | None = None
    before: float | None = None
    after: float | None = None
    status: Literal["running", "finished"] = "running"
    format: Literal[1] = 1


def write_document(document: RefineDocument, directory: Path) -> None:
    """Write `refine.json`; raises `RunError`, and the one that was there stays whole."""
    write_atomically(directory / REFINE_FILE, msgspec.json.format(msgspec.json.encode(document), indent=1))


def read_document(directory: Path) -> RefineDocument | None:
    """Read `refine.json`; None where there is none.

    Raises:
        RunError: it is not what `write_document` writes.
    """
    path = directory / REFINE_FILE
    return read_json_if_there(path, RefineDocument, "a refinement", "replace it with --anew, or give another --name")


def require_same(
    before: RefineDocument,
    directory: Path,
    *,
    source: Literal["training", "table"],
    asked: Mapping[str, str],
    seed: int,
    recipe: Recipe | None,
    data: str,
) -> None:
    """Check that a refinement that has begun is the one that is asked for; arguments as in `RefineDocument`.

    Raises:
        ModelError: it began otherwise; names the first thing that differs, and its two values.
    """
    pairs: dict[str, tuple[object, object]] = {"source": (before.source, source)}
    if before.source == source:
        pairs |= {key: (before.asked.get(key), value) for key, value in asked.items()}
        pairs["seed"] = (before.seed, seed)
        was, wanted = msgspec.to_builtins(before.recipe) or {}, msgspec.to_builtins(recipe) or {}
        pairs |= {f"train.{key}": (was.get(key), value) for key, value in wanted.items()}
        pairs["data set" if source == "table" else "fingerprint of the images"] = (before.data, data)
    for key, (old, new) in pairs.items():
        if old != new:
            raise ModelError(
                f"{directory}: a refinement is here that began otherwise: {key} was {old!r}, is {new!r}; go on as it "
                "began, keep it and give this one another --name, or replace it with --anew"
            )
