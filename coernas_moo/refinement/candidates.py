"""Who is refined: the front's leaders, and the best of the archive by score."""

from __future__ import annotations

from dataclasses import dataclass

from coernas_moo.errors import RunError
from coernas_moo.search.archive import SCORE, Archive
from coernas_moo.search.run import Run


@dataclass(frozen=True)
class Candidate:
    """One network that refinement begins with.

    Args:
        number: from 1, by score.
        genotype: canonical text.
        score: fused over the archive.
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


def choose(archive: Archive, count: int) -> list[tuple[str, float, int, bool]]:
    """Genotype, score, rank by score and membership of the front, of `count` candidates, best score first.

    Half of the places go to the best of the front by score, the rest to the best of the archive by score that meet the
    limits; a place that the front cannot fill goes to the archive. Canonical duplicates are one member of the archive,
    and so one candidate. Ties by genotype text.
    """
    scores, ranked = archive.scores, archive.ranked()
    if not ranked:
        return []
    met = (archive.constraint_values(ranked) <= 0).all(axis=1)
    order = sorted((text for text, good in zip(ranked, met, strict=True) if good), key=lambda t: (-scores[t], t))
    front = set(archive.front())
    chosen = [text for text in order if text in front][: (count + 1) // 2]
    chosen += [text for text in order if text not in chosen][: max(0, count - len(chosen))]
    rank = {text: place for place, text in enumerate(order, start=1)}
    return [(text, scores[text], rank[text], text in front) for text in sorted(chosen, key=rank.__getitem__)]


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
    found = []
    for number, (text, score, rank, in_front) in enumerate(choose(run.archive, count), start=1):
        plan = run.space.plan(run.space.from_text(text))
        found.append(Candidate(number, text, score, rank, float(plan.params()), float(plan.macs()), in_front))
    if not found:
        raise RunError(f"{path}: the front is empty; let the search run longer or loosen the limits")
    return found
