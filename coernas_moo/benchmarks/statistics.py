"""Statistics of a comparison: paired tests over seeds, ranks, effect sizes, and what they allow to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, wilcoxon

from coernas_moo.errors import CoernasError

LEVEL = 0.05


def a12(first: ArrayLike, second: ArrayLike) -> float:
    """Vargha and Delaney's (2000) effect size: P(first > second) + P(first = second) / 2.

    Example:
        >>> a12([2, 3], [1, 2]), a12([1, 1], [1, 1])
        (0.875, 0.5)
    """
    x, y = np.asarray(first, dtype=float)[:, None], np.asarray(second, dtype=float)[None, :]
    return float(((x > y) + 0.5 * (x == y)).mean())


def paired_p(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on pairs; 1 where all pairs are equal.

    Example:
        >>> paired_p([1, 2, 3], [1, 2, 3])
        1.0
    """
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if not difference.any():
        return 1.0
    # Ties are frequent where several seeds find the whole front; their ranks count half on either side.
    return float(wilcoxon(difference, zero_method="zsplit").pvalue)


def direction(first: ArrayLike, second: ArrayLike) -> int:
    """Which way the signed ranks of the pairs point: 1 for the first, -1 for the second, 0 for neither.

    Example:
        >>> direction([2, 3, 1], [1, 1, 1.5]), direction([1, 2], [1, 2])
        (1, 0)
    """
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    return int(np.sign((np.sign(difference) * rankdata(np.abs(difference))).sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p values, in the order given.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    return [float(value) for value in adjusted]


def friedman_ranks(results: ArrayLike) -> NDArray[np.float64]:
    """Mean rank of each algorithm over blocks, 1 is best; ties share ranks.

    Args:
        results: (blocks, algorithms), higher is better.

    Example:
        >>> friedman_ranks([[3, 2, 1], [3, 3, 1]]).tolist()
        [1.25, 1.75, 3.0]
    """
    ranks: NDArray[np.float64] = rankdata(-np.asarray(results, dtype=float), axis=1).mean(axis=0)
    return ranks


@dataclass(frozen=True)
class Contest:
    """One algorithm against another.

    Args:
        rival: the other.
        p: after Holm's correction over all rivals.
        effect: A12, above one half where ours is better.
        outcome: `won`, `lost` or `tied`; `open` where there are too few seeds to tell (`fewest_seeds`).
    """

    rival: str
    p: float
    effect: float
    outcome: str


def contests(results: Mapping[str, Sequence[float]], ours: str) -> list[Contest]:
    """Ours against each of the others: won or lost where the paired difference is significant, else tied.

    Of fewer seeds than `fewest_seeds` no difference can be significant, and nothing is said.

    Args:
        results: algorithm to one value a seed, higher is better, seeds in the same order.
        ours: one of them.

    Raises:
        CoernasError: a value is NaN.
    """
    for name, values in results.items():
        if np.isnan(np.asarray(values, dtype=float)).any():
            raise CoernasError(f"results of {name!r} hold NaN, which is neither better nor worse than anything")
    rivals = [name for name in results if name != ours]
    adjusted = holm([paired_p(results[ours], results[rival]) for rival in rivals])
    enough = len(results[ours]) >= fewest_seeds(len(rivals))
    found = []
    for rival, p in zip(rivals, adjusted, strict=True):
        effect = a12(results[ours], results[rival])
        # The test is one of pairs, so they say who is ahead; the effect size knows of no pairs.
        outcome = ("tied", "won", "lost")[direction(results[ours], results[rival]) if p < LEVEL else 0]
        found.append(Contest(rival, p, effect, outcome if enough else "open"))
    return found


def fewest_seeds(rivals: int) -> int:
    """Fewest pairs of which the smallest possible p, 2^(1 - n), is significant after Holm's correction.

    Example:
        >>> fewest_seeds(1), fewest_seeds(7)
        (6, 9)
    """
    return next(n for n in range(1, 100) if 2.0 ** (1 - n) * rivals < LEVEL)


def verdict(found: Sequence[Contest], ours: str, *, seeds: int, evaluations: int, judged: str = "") -> str:
    """One sentence: what the tests carry, not more.

    Args:
        found: contests of ours.
        ours: name.
        seeds: pairs of each contest.
        evaluations: budget of a search.
        judged: how, where that could be mistaken: "judged by ...".

    Example:
        >>> found = [Contest("random", 0.001, 0.9, "won"), Contest("nsga2", 0.3, 0.6, "tied")]
        >>> verdict(found, "ours", seeds=20, evaluations=500)
        'ours won against random and tied with nsga2 (final hypervolume, 500 evaluations, 20 seeds, p < .05, Holm).'
    """
    measure = f"final hypervolume{f' {judged}' if judged else ''}, {evaluations} evaluations"
    counted = f"{seeds} seed{'s' * (seeds > 1)}"
    if found and seeds < fewest_seeds(len(found)):
        return (
            f"{counted} are too few to tell {ours} from {len(found)} other{'s' * (len(found) > 1)}: the test takes "
            f"{fewest_seeds(len(found))} at least ({measure})."
        ).replace("1 seed are", "1 seed is")
    words = {"won": "won against", "tied": "tied with", "lost": "lost against"}
    parts = []
    for outcome, text in words.items():
        names = [contest.rival for contest in found if contest.outcome == outcome]
        if names:
            listed = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
            parts.append(f"{text} {listed}")
    if not parts:
        return f"{ours} had no rival ({measure}, {counted})."
    said = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return f"{ours} {said} ({measure}, {counted}, p < .05, Holm)."
