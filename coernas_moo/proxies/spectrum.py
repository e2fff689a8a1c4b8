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

LARGE = 128
"""Size from which torch's Cholesky factors cost twice as much as its LU factors."""

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
    if stack.shape[1] < LARGE:
        factors, failures = torch.linalg.cholesky_ex(stack)
        logs: Tensor = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
        failed = failures > 0
    else:
        signs, logs = torch.linalg.slogdet(stack)
        failed = (signs <= 0) | ~logs.isfinite()
    for place in torch.nonzero(failed).flatten().tolist():
        # Rounding can make a nearly singular matrix indefinite; what is not finite fails too.
        if stack[place].isfinite().all():
            logs[place] = torch.linalg.eigvalsh(stack[place].double()).clamp_min(FLOOR).log().sum()
        else:
            logs[place] = math.nan
    return logs


def _stacked_scatters(matrices: Sequence[Tensor]) -> Iterator[tuple[int, list[int], Tensor]]:
    """For each size: the largest rank, the places among `matrices`, their scatter matrices, shape (k, d, d).

    A scatter matrix has the eigenvalues of the centred covariance, scaled; it is one of channels or of samples,
    whichever are fewer.
    """
    groups: dict[tuple[int, int], list[tuple[int, Tensor]]] = {}
    for index, matrix in enumerate(matrices):
        samples, channels = matrix.shape
        if samples >= 2 and channels >= 1:
            rows = matrix.detach().float() if matrix.dtype in HALF else matrix.detach()
            groups.setdefault((min(samples, channels), min(channels, samples - 1)), []).append((index, rows))
    for (size, largest_rank), group in groups.items():
        rows_of = [rows for _, rows in group]
        stack = _scatters(rows_of) if size <= largest_rank else torch.stack([_gram(rows) for rows in rows_of])
        totals = stack.diagonal(dim1=1, dim2=2).sum(1).tolist()
        for place, total in enumerate(totals):
            if not SQUARES_FROM < total < SQUARES_TO:
                stack[place] = _scatter_of_extremes(rows_of[place])
        yield largest_rank, [index for index, _ in group], stack


def _scatters(matrices: Sequence[Tensor]) -> Tensor:
    """Scatter matrices of channels, shape (k, channels, channels); of matrices with more samples than channels."""
    # One pass over memory instead of three; centring afterwards cancels digits where means outweigh deviations.
    stack = torch.stack([rows.T @ rows for rows in matrices])
    sums = torch.stack([rows.sum(0) for rows in matrices])
    samples = torch.tensor([len(rows) for rows in matrices], dtype=sums.dtype)
    means = sums / samples[:, None]
    stack.baddbmm_(sums[:, :, None], means[:, None, :], alpha=-1)
    of_means = samples * means.square().sum(1)
    for place in torch.nonzero(of_means > LARGEST_MEAN * stack.diagonal(dim1=1, dim2=2).sum(1)).flatten().tolist():
        centred = matrices[place] - means[place]
        stack[place] = centred.T @ centred
    return stack


def _gram(rows: Tensor) -> Tensor:
    """The scatter matrix of samples, of which there are no more than channels."""
    centred = rows - rows.mean(0)
    return centred @ centred.T


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
    """The scatter matrix of rows whose squares leave single precision, scaled so that they do not."""
    rows = rows.float()
    rows = rows - rows[0]
    scaled = rows / rows.abs().max().clamp_min(torch.finfo(rows.dtype).tiny)
    return _scatters([scaled])[0] if len(rows) > rows.shape[1] else _gram(scaled)
