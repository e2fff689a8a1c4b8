"""Comparisons on several problems side by side, read from the files that they left."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from coernas_moo.benchmarks.statistics import Contest, contests
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.folders import COMPARISON

FLOOR = 1e-4
"""Added to a regret before its logarithm is taken: some searches find the whole front."""


@dataclass(frozen=True)
class Finished:
    """A comparison as its `comparison.json` and `comparison.csv` hold it.

    Args:
        problem: name of the problem.
        checkpoints: evaluations of the curves' points.
        curves: share of the reference hypervolume by algorithm, ours first; (seeds, checkpoints).
        contests: of the first algorithm against each of the others, Holm's correction over all of these.
    """

    problem: str
    checkpoints: NDArray[np.int64]
    curves: dict[str, NDArray[np.float64]]
    contests: tuple[Contest, ...]

    def at(self, algorithm: str, evaluations: int) -> NDArray[np.float64]:
        """Shares, a seed each, at the last checkpoint that is not beyond `evaluations`, or at the first.

        Raises:
            CoernasError: searches ended before.
        """
        if evaluations > self.checkpoints[-1]:
            raise CoernasError(
                f"{self.problem}: its searches ended after {self.checkpoints[-1]} evaluations, before {evaluations}; "
                "give others with --at"
            )
        point = max(0, int(np.searchsorted(self.checkpoints, evaluations, side="right")) - 1)
        shares: NDArray[np.float64] = self.curves[algorithm][:, point]
        return shares

    def best(self, rivals: Sequence[str]) -> str:
        """The rival with the highest median at the end."""
        return max(rivals, key=lambda name: float(np.median(self.curves[name][:, -1])))

    def regret_ratio(self, rival: str) -> float:
        """Median regret (one minus the share) of the first algorithm at the end, over the rival's."""
        ours, theirs = (1.0 - float(np.median(self.curves[name][:, -1])) for name in (next(iter(self.curves)), rival))
        return ours / theirs if theirs > 0 else float("inf") if ours > 0 else 1.0

    def contests_with(self, rivals: Sequence[str]) -> list[Contest]:
        """Contests of the first algorithm against these alone: Holm's correction is over them."""
        first = next(iter(self.curves))
        return contests({name: self.curves[name][:, -1].tolist() for name in (first, *rivals)}, first)

    def evaluations_to(self, rival: str) -> int | None:
        """Evaluations after which the first algorithm's median reaches the rival's at the end; None where never."""
        goal = float(np.median(self.curves[rival][:, -1]))
        reached = np.median(next(iter(self.curves.values())), axis=0) >= goal
        return int(self.checkpoints[reached.argmax()]) if reached.any() else None


def read_finished(folder: Path) -> Finished:
    """The comparison in a folder.

    Raises:
        RunError: there is none, or its files cannot be read.
    """
    try:
        document = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))
        with (folder / "comparison.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        points = [name for name in rows[0] if name.startswith("hypervolume_")]
        curves = {
            name: np.array([[float(row[point]) for point in points] for row in rows if row["algorithm"] == name])
            for name in document["algorithms"]
        }
        checkpoints = np.array([int(point.partition("_")[2]) for point in points], dtype=np.int64)
        return Finished(folder.name, checkpoints, curves, tuple(Contest(**each) for each in document["contests"]))
    except FileNotFoundError:
        raise RunError(f"{folder}: no comparison.json and comparison.csv; give folders that 'compare' wrote") from None
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise RunError(f"{folder}: the comparison cannot be read ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class RegretRatio:
    """How much worse an algorithm is than another, over problems and seeds.

    Args:
        ratio: geometric mean over pairs, searches of one problem with one seed, of (regret + 1e-4) over the other's.
        low, high: its 95 % confidence interval, by Student's t on the logarithms; NaN for a single pair.
        worse_on: problems on which its median regret is larger.
        problems: how many there are.
        pairs: how many there are.
    """

    ratio: float
    low: float
    high: float
    worse_on: int
    problems: int
    pairs: int


def regret_ratios(
    finished: Sequence[Finished], evaluations: int, reference: str | None = None
) -> dict[str, RegretRatio]:
    """How much worse each algorithm is than the reference.

    Args:
        finished: comparisons.
        evaluations: after which regret is taken.
        reference: one of the algorithms; by default the first of the first comparison.

    Returns:
        By algorithm that all comparisons have, the reference among them.

    Raises:
        CoernasError: a comparison has no search of the reference.
    """
    reference = next(iter(finished[0].curves)) if reference is None else reference
    for each in finished:
        if reference not in each.curves:
            raise CoernasError(f"{each.problem}: no search of {reference!r}; it has {', '.join(each.curves)}")
    common = [name for name in finished[0].curves if all(name in each.curves for each in finished)]
    return {name: _regret_ratio(finished, evaluations, name, reference) for name in common}


def _regret_ratio(finished: Sequence[Finished], evaluations: int, name: str, reference: str) -> RegretRatio:
    logs, worse_on = [], 0
    for each in finished:
        own, theirs = (1.0 - each.at(one, evaluations) for one in (name, reference))
        logs.append(np.log((own + FLOOR) / (theirs + FLOOR)))
        worse_on += bool(np.median(own) > np.median(theirs))
    pairs = np.concatenate(logs)
    n, mean = len(pairs), float(pairs.mean())
    margin = float(stdtrit(n - 1, 0.975) * pairs.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    low, middle, high = (float(np.exp(value)) for value in (mean - margin, mean, mean + margin))
    return RegretRatio(middle, low, high, worse_on, len(finished), n)
