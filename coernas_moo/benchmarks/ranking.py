"""How well scores rank architectures of known accuracy: overall, and where a search ends, at the top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class RankingQuality:
    """Agreement of scores with accuracies.

    Args:
        tau: Kendall's tau-b over all.
        rho: Spearman's rho over all.
        tau_fifth, tau_tenth: Kendall's tau-b among the most accurate fifth and tenth.
        ndcg: normalised discounted cumulative gain of the 50 with the highest scores.
        selected: accuracy of the one with the highest score (ties: their mean), per cent.
    """

    tau: float
    rho: float
    tau_fifth: float
    tau_tenth: float
    ndcg: float
    selected: float


def ranking_quality(scores: Scores, accuracies: Scores) -> RankingQuality:
    """All measures; scores and accuracies of shape (n,), non-finite scores rank last.

    Example:
        >>> quality = ranking_quality(np.arange(100.0), np.linspace(10, 90, 100))
        >>> round(quality.tau, 6), round(quality.ndcg, 6), quality.selected
        (1.0, 1.0, 90.0)
    """
    scores = ranked_last(scores)
    return RankingQuality(
        kendall(scores, accuracies),
        spearman(scores, accuracies),
        kendall_among_best(scores, accuracies, 0.2),
        kendall_among_best(scores, accuracies, 0.1),
        ndcg(scores, accuracies, 50),
        float(accuracies[scores == scores.max()].mean()),
    )


def ranked_last(scores: Scores) -> Scores:
    """Scores with everything non-finite below all finite ones."""
    finite = np.isfinite(scores)
    lowest = scores[finite].min() if finite.any() else 0.0
    return np.where(finite, scores, np.nextafter(lowest, -np.inf))


def kendall(scores: Scores, accuracies: Scores) -> float:
    """Kendall's tau-b (Kendall 1945): ties count for neither side."""
    return float(kendalltau(scores, accuracies).statistic)


def spearman(scores: Scores, accuracies: Scores) -> float:
    """Spearman's rho (Spearman 1904): the correlation of ranks, ties averaged."""
    return float(spearmanr(scores, accuracies).statistic)


def kendall_among_best(scores: Scores, accuracies: Scores, share: float) -> float:
    """Kendall's tau-b among the `share` of architectures with the highest accuracy."""
    count = max(2, round(share * len(accuracies)))
    best = np.argsort(-accuracies, kind="stable")[:count]
    return kendall(scores[best], accuracies[best])


def ndcg(scores: Scores, accuracies: Scores, k: int) -> float:
    """Normalised discounted cumulative gain at k, gain 2^(accuracy / 100) - 1, discount log2(1 + position).

    Source: Burges et al. 2005, "Learning to rank using gradient descent", section 5. Ties in the score keep the
    order of the input.
    """
    k = min(k, len(scores))
    gain = 2.0 ** (accuracies / 100.0) - 1.0
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    found = gain[np.argsort(-scores, kind="stable")[:k]] @ discount
    ideal = np.sort(gain)[::-1][:k] @ discount
    return float(found / ideal)


def bootstrap_interval(
    measure: Callable[[Scores, Scores], float],
    scores: Scores,
    accuracies: Scores,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a measure (Efron 1979), architectures resampled with replacement.

    Resampled duplicates tie with themselves, which tau-b leaves out. Draws of which the measure is not defined, as that
    of equal scores, are left out too; NaN where that is all of them.

    Args:
        measure: of scores and accuracies.
        scores: whose first axis is the architectures.
        accuracies: (architectures,).
        resamples: number of draws.
        confidence: share of them inside the interval.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(scores), len(scores)) for _ in range(resamples))
    values = [measure(scores[rows], accuracies[rows]) for rows in draws]
    defined = [value for value in values if not np.isnan(value)]
    if not defined:
        return float("nan"), float("nan")
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def half_of(keys: list[str], seed: int) -> NDArray[np.bool_]:
    """A fixed half of the distinct keys, as a mask over `keys`: equal keys fall on the same side.

    Example:
        >>> half_of(["a", "b", "a"], seed=0).tolist()
        [True, False, True]
    """
    distinct = sorted(set(keys))
    order = np.random.default_rng(seed).permutation(len(distinct))
    chosen = {distinct[i] for i in order[: len(distinct) // 2]}
    return np.array([key in chosen for key in keys])
