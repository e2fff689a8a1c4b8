"""The screening of offspring, and what it knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from pymoo.indicators.hv import Hypervolume

from coernas_moo.proxies import fuse
from coernas_moo.proxies.fusion import merge_ranks, relative_ranks, weights_of
from coernas_moo.search.fused_surrogate import Readings
from coernas_moo.search.knowledge import ArchiveKnowledge
from coernas_moo.search.screening import Screening, Surrogates, screen
from coernas_moo.search.surrogate import Encoded
from coernas_moo.testing.algorithms import CELLS, synthetic_problem
from tests.search.genotypes import additive, encoded, proxies

TRUST = Screening(deviations=(0.0,))


@dataclass
class Known:
    """Knowledge of an archive; `costs` of everything, or none."""

    genotypes: NDArray[np.int64]
    values: NDArray[np.float64]
    unknown: tuple[int, ...] = ()

    def truth(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.stack([additive(genotypes), genotypes.sum(axis=1).astype(float)], axis=1)

    def evaluated(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self.genotypes, self.values

    def costs(self, genotypes: NDArray[np.int64]) -> NDArray[np.float64]:
        values = self.truth(genotypes)
        values[:, list(self.unknown)] = np.nan
        return values

    def features(self, genotypes: NDArray[np.int64]) -> Encoded:
        return encoded(genotypes)

    def readings(self) -> Readings | None:
        return None


def archive(n: int, unknown: tuple[int, ...] = (), seed: int = 0) -> Known:
    genotypes = np.random.default_rng(seed).integers(0, 4, size=(n, 8))
    known = Known(genotypes, np.empty((0, 2)), unknown)
    known.values = known.truth(genotypes)
    return known


def test_what_dominates_is_chosen_first_when_all_costs_are_known() -> None:
    known = archive(30)
    candidates = np.random.default_rng(1).integers(0, 4, size=(200, 8))
    values = known.truth(candidates)
    chosen = screen(candidates, 20, known, np.random.default_rng(2), TRUST)
    assert len(set(chosen.tolist())) == 20

    def volume(points: NDArray[np.float64]) -> float:
        everything = np.concatenate([known.values, values])
        return float(Hypervolume(ref_point=everything.max(axis=0) + 1)(np.concatenate([known.values, points])))

    others = [volume(values[np.random.default_rng(s).choice(200, 20, replace=False)]) for s in range(10)]
    assert volume(values[chosen]) > max(others)
    # Nobody among those left out would have dominated the first choice.
    assert not ((values <= values[chosen[0]]).all(axis=1) & (values < values[chosen[0]]).any(axis=1)).any()


def test_a_batch_is_spread_along_the_front() -> None:
    known = archive(30)
    candidates = np.random.default_rng(1).integers(0, 4, size=(400, 8))
    costs = known.truth(candidates)[screen(candidates, 10, known, np.random.default_rng(2), TRUST)]
    front = known.values
    assert np.ptp(costs[:, 1]) > 0.5 * np.ptp(front[:, 1])


@pytest.mark.parametrize("unknown", [(0,), (0, 1)])
def test_predicted_objectives_do_nearly_as_well_as_known_ones(unknown: tuple[int, ...]) -> None:
    candidates = np.random.default_rng(1).integers(0, 4, size=(400, 8))
    reach = []
    for missing in ((), unknown):
        known = archive(120, missing)
        chosen = screen(candidates, 15, known, np.random.default_rng(2))
        points = np.concatenate([known.values, known.truth(candidates)[chosen]])
        reach.append(float(Hypervolume(ref_point=known.values.max(axis=0))(points)))
    start = float(Hypervolume(ref_point=known.values.max(axis=0))(known.values))
    assert reach[1] - start > 0.5 * (reach[0] - start)


def test_one_objective_is_enough() -> None:
    known = archive(40)
    known.values = known.values[:, :1]
    known.costs = lambda genotypes: additive(genotypes)[:, None]  # type: ignore[method-assign]
    candidates = np.random.default_rng(1).integers(0, 4, size=(100, 8))
    chosen = screen(candidates, 3, known, np.random.default_rng(0), TRUST)
    assert additive(candidates)[chosen[0]] == additive(candidates).min()


def test_without_an_archive_any_candidates_are_taken() -> None:
    assert screen(np.zeros((9, 8), dtype=np.int64), 4, archive(1), np.random.default_rng(0)).tolist() == [0, 1, 2, 3]


def test_knowledge_of_a_search_problem_is_its_archive_and_closed_forms() -> None:
    problem, _ = synthetic_problem(CELLS, ["score >= 0.3"])
    knowledge = ArchiveKnowledge(problem)
    rows = problem.space.canonical_rows(problem.space.sample(40, np.random.default_rng(0)))
    costs = knowledge.costs(rows)
    assert np.isnan(costs[:, 0]).all()
    assert costs[:, 1].tolist() == [problem.space.params(row) for row in rows]
    assert len(knowledge.evaluated()[0]) == 0
    problem.evaluate(rows)
    genotypes, values = knowledge.evaluated()
    assert 0 < len(genotypes) < len(problem.archive)
    assert (-values[:, 0] >= 0.3).all()
    texts = [problem.space.to_text(genotype) for genotype in genotypes]
    assert np.array_equal(problem.archive.objective_values(texts), values)


@pytest.mark.parametrize("position", [0, 1])
def test_knowledge_of_a_score_is_what_it_is_fused_from(position: int) -> None:
    objectives = ['"score", "params"', '"params", "score"'][position]
    problem, _ = synthetic_problem(CELLS.replace('"score", "params"', objectives), ["score >= 0.3"])
    knowledge, archive = ArchiveKnowledge(problem), problem.archive
    for seed in (0, 1):
        problem.evaluate(problem.space.sample(40, np.random.default_rng(seed)))
        readings = knowledge.readings()
        genotypes, values = knowledge.evaluated()
        assert readings is not None
        assert (readings.objective, readings.p) == (position, archive.p)
        assert readings.weights == weights_of(archive.proxies)
        assert readings.ranks.shape == (len(genotypes), len(archive.proxies))
        assert np.allclose(merge_ranks(readings.ranks, readings.p, readings.weights), -values[:, position])


def test_without_a_score_nothing_is_fused() -> None:
    problem, _ = synthetic_problem(CELLS.replace('"score", ', ""))
    problem.evaluate(problem.space.sample(10, np.random.default_rng(0)))
    assert ArchiveKnowledge(problem).readings() is None


def test_the_score_is_screened_by_its_proxies() -> None:
    problem, _ = synthetic_problem(CELLS)
    knowledge, rng = ArchiveKnowledge(problem), np.random.default_rng(0)
    rows = np.unique(problem.space.canonical_rows(problem.space.sample(400, rng)), axis=0)
    rng.shuffle(rows)
    seen, new = rows[:60], rows[60:260]
    problem.evaluate(seen)
    kept = Surrogates()
    chosen = screen(new, 10, knowledge, rng, TRUST, kept)
    assert len(set(chosen.tolist())) == 10
    assert not kept.costs
    assert kept.score is not None
    assert len(kept.score.proxies.members) == 60
    first = kept.score
    problem.evaluate(new[chosen])
    screen(new, 10, knowledge, rng, TRUST, kept)
    assert kept.score is not first
    assert len(kept.score.proxies.members) == 70
    assert kept.score.proxies.tunings is first.proxies.tunings


def test_a_score_is_maximised() -> None:
    rng = np.random.default_rng(1)
    seen, candidates = rng.integers(0, 4, size=(100, 8)), rng.integers(0, 4, size=(400, 8))
    scores = fuse(proxies(np.concatenate([seen, candidates])))

    class Scored(Known):
        def readings(self) -> Readings:
            return Readings(0, relative_ranks(proxies(self.genotypes)), 0.0, [1.0] * 3)

    known = Scored(seen, np.stack([-fuse(proxies(seen)), seen.sum(axis=1).astype(float)], axis=1), (0,))
    chosen = screen(candidates, 12, known, np.random.default_rng(2), TRUST)

    def volume(some: NDArray[np.int64]) -> float:
        rows = np.concatenate([np.arange(100), 100 + some])
        costs = np.concatenate([seen, candidates]).sum(axis=1).astype(float)
        return float(Hypervolume(ref_point=np.array([0.0, 25.0]))(np.stack([-scores, costs], axis=1)[rows]))

    others = [volume(np.random.default_rng(seed).choice(400, 12, replace=False)) for seed in range(20)]
    assert volume(chosen) > max(others)
