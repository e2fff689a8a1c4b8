"""Who is refined: the front's leaders, and the best of the archive by score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coernas_moo.errors import RunError
from coernas_moo.search.archive import SCORE, Archive
from coernas_moo.search.run import Run


@dataclass(frozen=True)
class Candidate:
    """One network that refinement begins with.

    Args:
        number: from 1, by score.
        genotype: canonical text.
        score: the archive's, as the search saw it.
        score_rank: among all members of the archive that meet the limits, from 1.
        params, macs: of the full network.
        in_front: it is non-dominated.
    """

    number: int
    genotype: str
    score: float
    score_rank: int
    params: float
    macs: float
    in_front: bool


def choose(archive: Archive, count: int) -> list[str]:
    """Genotypes of `count` candidates, best score first.

    Half of them are the front's best by score, the others the best of all of the archive that meets the limits; what
    the front cannot give the archive does. Canonical duplicates are one member of the archive, and so one candidate.
    Ties by genotype text.

    Args:
        archive: of the search.
        count: how many at most.
    """
    order = by_score(archive)
    front = set(archive.front())
    leaders = [text for text in order if text in front][: (count + 1) // 2]
    chosen = set(list(dict.fromkeys([*leaders, *order]))[:count])
    return [text for text in order if text in chosen]


def by_score(archive: Archive) -> list[str]:
    """Members that meet the limits, best score first; ties by genotype text."""
    scores, ranked = archive.scores, archive.ranked()
    if not ranked:
        return []
    met = np.flatnonzero((archive.constraint_values(ranked) <= 0).all(axis=1))
    return sorted((ranked[i] for i in met), key=lambda text: (-scores[text], text))


def candidates_of(run: Run, count: int) -> list[Candidate]:
    """The candidates of a run.

    Raises:
        RunError: the run has no score, or nothing that meets its limits.
    """
    path = run.directory.path
    if SCORE not in run.problem.objectives:
        raise RunError(
            f"{path}: this run was not searched by the score (its objectives: {', '.join(run.problem.objectives)}); "
            "refinement begins with the leaders by score: refine a run whose objectives include it"
        )
    scores, front = run.archive.scores, set(run.archive.front())
    rank = {text: place for place, text in enumerate(by_score(run.archive), start=1)}
    found = []
    for number, text in enumerate(choose(run.archive, count), start=1):
        plan = run.space.plan(run.space.from_text(text))
        costs = float(plan.params()), float(plan.macs())
        found.append(Candidate(number, text, scores[text], rank[text], *costs, text in front))
    if not found:
        raise RunError(f"{path}: the front is empty; let the search run longer or loosen the limits")
    return found
