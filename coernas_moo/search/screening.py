"""Which of many possible offspring are worth an evaluation: those that would push the front out most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coernas_moo.search.dominance import non_dominated
from coernas_moo.search.fused_surrogate import FusedSurrogate, Readings
from coernas_moo.search.surrogate import Encoded, Surrogate

DIRECTIONS = 100


@dataclass(frozen=True)
class Screening:
    """How offspring are proposed and screened.

    Args:
        candidates: proposed for each that is evaluated.
        uniform: share of the candidates that is drawn uniformly from the space, so that no part of it is forgotten.
        batches: in which a generation is asked for, each screened by what the last one taught.
        deviations: standard deviations by which predictions are taken better than their mean, in turn: from trust to
            curiosity.
        beyond: how far the reference point lies behind the nadir, in ranges of the front: else its ends would be
            worth nothing.
    """

    candidates: int = 36
    uniform: float = 0.25
    batches: int = 5
    deviations: tuple[float, ...] = (0.0, 1.0, 2.0)
    beyond: float = 0.6


DEFAULT = Screening()


@dataclass
class Surrogates:
    """What was learnt for the last batch, from which the next begins.

    Args:
        score: of the score.
        costs: of other objectives that only an evaluation tells, by position.
    """

    score: FusedSurrogate | None = None
    costs: dict[int, Surrogate] = field(default_factory=dict)


class Knowledge(Protocol):
    """What is known without evaluating anything; objective values are to be minimised."""

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Canonical genotypes (n, genes) and objective values (n, objectives) of the archive's feasible members."""

    def costs(self, canonical: NDArray[np.int64]) -> NDArray[np.float64]:
        """Objective values (m, objectives) of canonical genotypes, NaN in the columns that only an evaluation tells."""

    def features(self, canonical: NDArray[np.int64]) -> Encoded:
        """Canonical genotypes (m, genes) in a form in which equal functions are equal."""

    def readings(self) -> Readings | None:
        """What the score of the members of `evaluated` is fused from; None where no score is searched."""


def screen(
    candidates: NDArray[np.int64],
    wanted: int,
    knowledge: Knowledge,
    rng: np.random.Generator,
    settings: Screening = DEFAULT,
    surrogates: Surrogates | None = None,
) -> NDArray[np.int64]:
    """Positions of the `wanted` candidates that together promise the largest hypervolume, best first.

    Closed-form costs are taken as they are, other objectives from an optimistic prediction. The hypervolume is
    estimated by random scalarisation: up to a factor, the mean over directions d of max over members of
    min_i ((r_i - f_i) / d_i)^k for k objectives and reference point r (Zhang & Golovin 2020, lemma 5), so a
    candidate's worth is a sum over directions whatever k is. Candidates are taken greedily.

    Args:
        candidates: canonical genotypes (m, genes).
        wanted: at most m.
        knowledge: what is known.
        rng: draws directions.
        settings: how it is done.
        surrogates: from one call to the next; brought up to date.
    """
    genotypes, values = knowledge.evaluated()
    if len(genotypes) < 2:
        return np.arange(wanted)
    kept = Surrogates() if surrogates is None else surrogates
    readings = knowledge.readings()
    predicted = np.repeat(knowledge.costs(candidates)[None], len(settings.deviations), axis=0)
    unknown = np.flatnonzero(np.isnan(predicted).any(axis=(0, 1)))
    if len(unknown):
        known_features, new_features = knowledge.features(genotypes), knowledge.features(candidates)
        for objective in unknown:
            if readings is not None and objective == readings.objective:
                kept.score = FusedSurrogate(known_features, readings, rng, kept.score)
                predicted[:, :, objective] = kept.score.optimistic(new_features, settings.deviations)
                continue
            process = Surrogate(known_features, values[:, [objective]], rng, kept.costs.get(int(objective)))
            kept.costs[int(objective)] = process
            predicted[:, :, objective] = process.optimistic(new_features, settings.deviations)[0]
    front = values[non_dominated(values)]
    ideal, nadir = front.min(axis=0), front.max(axis=0)
    # A front of one point has no range: that of all members stands for it.
    ranges = np.where(nadir > ideal, nadir, values.max(axis=0)) - ideal
    span = np.where(ranges > 0, ranges, 1.0)
    directions = np.abs(rng.normal(size=(DIRECTIONS, values.shape[1])))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    reached = _reach((front - ideal) / span, directions, settings.beyond).max(axis=0)
    reaches = [_reach((guess - ideal) / span, directions, settings.beyond) for guess in predicted]
    chosen: list[int] = []
    free = np.ones(len(candidates), dtype=bool)
    for place in range(wanted):
        reach = reaches[place % len(settings.deviations)]
        gain = np.maximum(reach - reached, 0.0).sum(axis=1)
        if gain[free].max() <= 0:
            # Nothing promises to push the front out: take what comes nearest to it somewhere.
            gain = (reach - reached).max(axis=1)
        gain[~free] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        free[best] = False
        reached = np.maximum(reached, reach[best])
    return np.array(chosen, dtype=np.int64)


def _reach(scaled: NDArray[np.float64], directions: NDArray[np.float64], beyond: float) -> NDArray[np.float64]:
    """Shape (members, directions): min_i ((1 + beyond - f_i) / d_i)^k, 0 behind the reference point."""
    room = np.maximum(1.0 + beyond - scaled, 0.0)
    length = np.full((len(scaled), len(directions)), np.inf)
    for objective in range(scaled.shape[1]):
        np.minimum(length, room[:, objective, None] / np.maximum(directions[:, objective], 1e-9), out=length)
    reach: NDArray[np.float64] = length ** scaled.shape[1]
    return reach
