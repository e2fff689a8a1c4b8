"""Spectra of feature maps: how many directions of channel space they fill, and how evenly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)

SQUARES_FROM, SQUARES_TO = 1e-24, 1e30
"""Sums of squares between which single precision neither underflows nor overflows; beyond, rows are scaled first."""

LARGEST_MEAN = 4.0
"""How often squared means may outweigh variances before the means are taken off first."""

FLOOR = 1e-3
"""Under every eigenvalue, relative to their mean, before its logarithm is taken."""


def effective_rank_fraction(rows: Tensor) -> float:
    """Effective rank of the channel covariance over the largest rank it can have, in (0, 1].

    With eigenvalues l of the covariance of `rows`, centred, and p = l / sum(l):
    exp(-sum p log p) / min(channels, samples - 1). All channels alike: lowest; white noise: 1 in the limit.

    Centring leaves a rank of at most samples - 1. Divided by the channels instead, a late, small feature map looks
    degenerate whatever it holds: white noise of 256 channels gets .98 from 8,192 rows but .11 from 32 and .03 from 8.
    Divided by min(channels, samples - 1) it gets .94 and .99, and the worst case is .60, where samples equal channels.
    With k that minimum and n the larger of the two, Page's expected entropy log k - k/(2n) would mend that too (white
    noise then gets .96 to 1.0 everywhere), but it is right for white noise only and would change well-sampled maps.

    Args:
        rows: shape (samples, channels).

    Returns:
        The fraction; 1 / min(channels, samples - 1), the lowest, where nothing varies; nan for fewer than two
        samples and for values that are not finite.

    Source: Roy and Vetterli 2007, "The effective rank", definition 1; Page 1993, "Average entropy of a subsystem".

    Example:
        >>> round(effective_rank_fraction(torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])), 6)
        1.0
        >>> round(effective_rank_fraction(torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])), 6)
        0.5
    """
    return effective_rank_fractions([rows])[0]


def effective_rank_fractions(matrices: Sequence[Tensor]) -> list[float]:
    """`effective_rank_fraction` of each of `matrices`, shapes (samples, channels); equal sizes are solved together."""
    fractions = [math.nan] * len(matrices)
    for largest_rank, places, stack in _stacked_scatters(matrices):
        for place, entropy in zip(places, _spectral_entropies(stack), strict=True):
            fractions[place] = float(np.minimum(math.exp(entropy) / largest_rank, 1.0))  # keeps nan, unlike min()
    return fractions


def log_sphericity(rows: Tensor) -> float:
    """How evenly the channel covariance of `rows` fills the directions that it can, at most about 0.

    With eigenvalues l of the covariance of `rows`, centred, the k = min(channels, samples - 1) that can differ from 0:
    mean of log(l / mean(l) + 0.001). It is the logarithm of geometric over arithmetic mean, Mauchly's criterion of
    sphericity, with a floor under directions that are not filled. Unlike the effective rank it counts each weak
    direction; a determinant is all that it takes.

    Args:
        rows: shape (samples, channels).

    Returns:
        log(1.001) for white noise in the limit; the lowest, near log(0.001), where one direction is filled or none;
        nan for fewer than two samples and for values that are not finite.

    Source: Mauchly 1940, "Significance test for sphericity of a normal n-variate distribution", equation 2; the floor
    is ours.

    Example:
        >>> round(log_sphericity(torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])), 4)
        0.001
        >>> round(log_sphericity(torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])), 3)  # log(2.001 * 0.001) / 2
        -3.107
    """
    return log_sphericities([rows])[0]


def log_sphericities(matrices: Sequence[Tensor]) -> list[float]:
    """`log_sphericity` of each of `matrices`, shapes (samples, channels); equal sizes are solved together."""
    sphericities = [math.nan] * len(matrices)
    for largest_rank, places, stack in _stacked_scatters(matrices):
        dimensions = stack.shape[1]
        diagonal = stack.diagonal(dim1=1, dim2=2)
        means = diagonal.sum(1, keepdim=True) / largest_rank
        stack /= torch.where(means > 0, means, 1.0)[:, :, None]
        diagonal += FLOOR
        logs = _log_determinants(stack)
        # Centring leaves one eigenvalue of a matrix of samples at 0, which says nothing.
        idle = (dimensions - largest_rank) * math.log(FLOOR)
        for place, value in zip(places, ((logs - idle) / largest_rank).tolist(), strict=True):
            sphericities[place] = value
    return sphericities


def _log_determinants(stack: Tensor) -> Tensor:
    """Of positive definite matrices, shape (k, d, d); nan where one is not finite."""
    factors, failed = torch.linalg.cholesky_ex(stack)
    logs: Tensor = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
    for place in torch.nonzero(failed).flatten().tolist():
        # Rounding can make a nearly singular matrix indefinite; what is not finite fails too.
        if stack[place].isfinite().all():
            logs[place] = torch.linalg.eigvalsh(stack[place].double()).clamp_min(FLOOR).log().sum()
        else:
            logs[place] = math.nan
    return logs


def _stacked_scatters(matrices: Sequence[Tensor]) -> Iterator[tuple[int, list[int], Tensor]]:
    """For each size: the largest rank, the places among `matrices`, their scatter matrices, shape (k, d, d)."""
    scatters: dict[tuple[int, int], list[tuple[int, Tensor]]] = {}
    for index, rows in enumerate(matrices):
        samples, channels = rows.shape
        if samples >= 2 and channels >= 1:
            scatter = _scatter(rows.detach().float() if rows.dtype in HALF else rows.detach())
            scatters.setdefault((len(scatter), min(channels, samples - 1)), []).append((index, scatter))
    for (_, largest_rank), group in scatters.items():
        stack = torch.stack([scatter for _, scatter in group])
        totals = stack.diagonal(dim1=1, dim2=2).sum(1).tolist()
        for place, ((index, _), total) in enumerate(zip(group, totals, strict=True)):
            if not SQUARES_FROM < total < SQUARES_TO:
                stack[place] = _scatter_of_extremes(matrices[index].detach())
        yield largest_rank, [index for index, _ in group], stack


def _spectral_entropies(stack: Tensor) -> list[float]:
    """Entropy, natural logarithm, of the normalised eigenvalues of each matrix; `stack` has shape (k, d, d)."""
    finite = stack.diagonal(dim1=1, dim2=2).sum(1).isfinite()
    if not finite.all():
        # LAPACK refuses what is not finite.
        entropies = torch.full((len(stack),), math.nan, dtype=torch.float64)
        if finite.any():
            entropies[finite] = torch.tensor(_spectral_entropies(stack[finite]), dtype=torch.float64)
        return entropies.tolist()
    try:
        eigenvalues = torch.linalg.eigvalsh(stack)
    except RuntimeError:  # torch.linalg.LinAlgError: no convergence; one matrix must not take the others along
        if len(stack) == 1:
            return [math.nan]
        return [entropy for matrix in stack for entropy in _spectral_entropies(matrix[None])]
    values = np.maximum(eigenvalues.numpy().astype(np.float64), 0)
    p = values / np.maximum(values.sum(1, keepdims=True), np.finfo(np.float64).tiny)
    entropies_of_p: list[float] = (-np.sum(p * np.log(p + 1e-12), axis=1)).tolist()
    return entropies_of_p


def _scatter_of_extremes(rows: Tensor) -> Tensor:
    """`_scatter` of rows whose squares leave single precision, scaled so that they do not."""
    rows = rows.float()
    rows = rows - rows[0]
    return _scatter(rows / rows.abs().max().clamp_min(torch.finfo(rows.dtype).tiny))


def _scatter(rows: Tensor) -> Tensor:
    """A matrix with the eigenvalues of the centred covariance, scaled; of channels or samples, whichever are fewer."""
    samples, channels = rows.shape
    if samples <= channels:
        centred = rows - rows.mean(0)
        return centred @ centred.T
    # One pass over memory instead of three; centring afterwards cancels digits where means outweigh deviations.
    mean = rows.mean(0)
    scatter = torch.addmm(torch.outer(mean, mean), rows.T, rows, beta=-samples)
    of_means = samples * float(mean.square().sum())
    if of_means > LARGEST_MEAN * float(scatter.trace()):
        centred = rows - mean
        return centred.T @ centred
    return scatter
