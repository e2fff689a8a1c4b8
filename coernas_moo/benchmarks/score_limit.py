"""How far a search by the score can get on NAS-Bench-201: the front of all networks by score, judged by true error."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coernas_moo.benchmarks.judging import Judge
from coernas_moo.benchmarks.score_tables.raw_values import Measurement, RawValues
from coernas_moo.benchmarks.trajectory import Trajectory
from coernas_moo.config import ProblemFile
from coernas_moo.errors import ProblemFileError
from coernas_moo.evaluation.evaluator import scoring_space
from coernas_moo.evaluation.table import TableCosts, builds_networks
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.networks.layers import Shape
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.proxies import fuse_proxies
from coernas_moo.search.archive import SCORE
from coernas_moo.search.dominance import non_dominated
from coernas_moo.spaces import NASBench201, SearchSpace


@dataclass(frozen=True)
class ScoreLimit:
    """What is left to find once every network has been scored.

    Args:
        problem: name.
        seed: of the initialisation.
        members: on the front by score.
        share: hypervolume of that front, judged by true error, as a share of the true front's.
        best: the same of the best front of these networks, picked by true error.
    """

    problem: str
    seed: int
    members: int
    share: float
    best: float


def score_limits(problem: ProblemFile, table: TabularBenchmark, raw: RawValues) -> list[ScoreLimit]:
    """The limit of a problem that searches the score, for each initialisation that was measured.

    Scores are ranks over all networks that meet the limits, which those of a search estimate from its first population.

    Args:
        problem: its objectives are the score and columns of the table.
        table: accuracies and costs.
        raw: the proxies of the score, of every network.

    Raises:
        ProblemFileError: the problem does not search the score, or scores otherwise than was measured.
    """
    space, costs = limited(problem, table, raw.measurement)
    genotypes = [space.from_text(text) for text in raw.texts]
    known = costs.of(genotypes)
    within = np.array([costs.violation(each) <= 0 for each in known])
    texts = [text for text, there in zip(raw.texts, within, strict=True) if there]
    signs = [OBJECTIVES[name].sign for name in problem.objectives]
    limits = []
    for seed in raw.measurement.seeds:
        columns = np.stack([raw.values[name, seed][within] for name in problem.score.proxies], axis=1)
        # Nothing has to be estimated where all networks are there: their ranks are those in the space.
        scores = fuse_proxies(problem.score.proxies, columns, problem.score.p)
        values = np.array([[each.get(name, np.nan) for name in problem.objectives] for each in known])[within]
        values[:, problem.objectives.index(SCORE)] = scores
        chosen = np.flatnonzero(non_dominated(values * signs))
        judge = Judge(problem, costs, {}, ())
        everything = Trajectory("everything", seed, tuple(texts), 0.0, None)
        front = Trajectory("front", seed, tuple(texts[i] for i in chosen), 0.0, None)
        shares = [judge.reference.share(judge.evaluated(each, len(texts))) for each in (front, everything)]
        limits.append(ScoreLimit(problem.name, seed, len(chosen), *shares))
    return limits


def limits_csv(limits: Sequence[ScoreLimit]) -> str:
    """One row a problem and initialisation."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["problem", "seed", "members", "share", "best"])
    writer.writerows([each.problem, each.seed, each.members, each.share, each.best] for each in limits)
    return text.getvalue()


def limited(problem: ProblemFile, table: TabularBenchmark, measurement: Measurement) -> tuple[SearchSpace, TableCosts]:
    """Space and costs of a problem whose limit can be told from what was measured.

    Raises:
        ProblemFileError: the problem does not search the score, or scores otherwise than was measured.
    """
    space = problem.space_settings.build(Shape(3, 32, 32), 10)
    costs = TableCosts(problem, space, Path("no-snapshot"), table)
    if not builds_networks(problem):
        raise ProblemFileError(f"problem {problem.name!r}: has no score among its objectives: nothing limits it")
    wanted = scoring_space(problem, space)
    # `TableCosts` takes no other space.
    assert isinstance(wanted, NASBench201)
    measured = measurement.space
    same = {
        "space.merge": wanted.merge == measured.merge,
        "space.options": wanted.options == measured.options,
        "score.size": (wanted.input_shape, wanted.cells) == (measured.input_shape, measured.cells),
        "score.batch": problem.score.batch == measurement.batch,
        "score.repeats": problem.score.repeats == 1,
        "score.input": problem.score.input == "noise",
        "score.proxies": set(problem.score.proxies) <= set(measurement.proxies),
    }
    for key, alike in same.items():
        if not alike:
            raise ProblemFileError(
                f"problem {problem.name!r}: {key} is not what {measurement.name!r} was measured with: "
                "the limit is known for the score's own settings only"
            )
    return space, costs
