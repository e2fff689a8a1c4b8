"""AZ-NAS: four terms, fused by the mean logarithm of their ranks.

Their fusion is this package's power mean of ranks with p = 0: sum of log(rank / m) is k times the logarithm of the
geometric mean of k ranks.

Source: Lee and Ham 2024, AZ-NAS: assembling zero-cost proxies for network architecture search. The authors start from
He normal weights (fan-in), as everybody does here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.proxies.feature_map import FeatureMap
from coernas_moo.proxies.observe import structure_of
from coernas_moo.proxies.proxy import register_network_proxy, register_proxy
from coernas_moo.proxies.recorder import Recorder, Sighting, first_tensor
from coernas_moo.proxies.trace import Trace


@register_proxy("az_expressivity", needs=("feature_maps",), source="Lee and Ham 2024, AZ-NAS, expressivity")
def az_expressivity(trace: Trace) -> float:
    """Sum over blocks of the entropy of the normalised spectrum of their features.

    sum over blocks of -sum p log(p + 1e-8), p the eigenvalues, normalised to sum 1, of the channel covariance of the
    block's output. -inf where a map is constant.
    """
    return _or_lowest(math.fsum(_entropies(trace)))


@register_proxy("az_progressivity", needs=("feature_maps",), source="Lee and Ham 2024, AZ-NAS, progressivity")
def az_progressivity(trace: Trace) -> float:
    """Smallest growth of that entropy from one block to the next.

    -inf where a map is constant, nan for fewer than two blocks.
    """
    entropies = _entropies(trace)
    if len(entropies) < 2:
        return math.nan
    growth = [after - before for before, after in pairwise(entropies)]
    return -math.inf if any(map(math.isnan, growth)) else min(growth)


@register_proxy("az_complexity", needs=("macs",), source="Lee and Ham 2024, AZ-NAS, complexity", stochastic=False)
def az_complexity(trace: Trace) -> float:
    """Multiply-accumulate operations for one image."""
    return float(trace.macs)


@register_network_proxy(
    "az_trainability",
    needs=("images", "gradients"),
    source="Lee and Ham 2024, AZ-NAS, trainability",
    cost="one forward and one backward pass, singular values of a matrix a block",
)
def az_trainability(network: nn.Module, images: Tensor, _labels: Tensor) -> float:
    """Mean over blocks of how near the largest singular value of the block's Jacobian is to one.

    mean of -s - 1/(s + 1e-6) + 2, s the largest singular value of an estimate of the block's mean Jacobian: random
    signs at its output, carried back to its input, correlated with themselves, channels by channels. Where the block
    halves the resolution, s x s input positions become channels. -inf for a block that is the identity, as for the
    authors; nan for fewer than two blocks and for values that are not finite.
    """
    recorder = Recorder(structure_of(network), maps=True, nonlinearities=False, macs=False)
    with recorder.watching():
        returned = first_tensor(network(images))
    if returned is None:
        return math.nan
    maps = recorder.feature_maps(returned)
    values = [_trainability(before, after) for before, after in pairwise(maps)]
    return sum(values) / len(values) if values else math.nan


def _trainability(before: Sighting, after: Sighting) -> float:
    if before.edge is None or after.edge is None:
        return math.nan
    signs = torch.randint(0, 2, after.values.shape).to(after.values.dtype) * 2 - 1
    found: Sequence[Tensor | None] = torch.autograd.grad(
        [after.edge], [before.edge], [signs], retain_graph=True, allow_unused=True
    )
    carried = torch.zeros_like(before.values) if found[0] is None else found[0]
    if torch.equal(carried, signs):
        return -math.inf
    if carried.ndim == 4 and carried.shape[2:] != signs.shape[2:]:
        carried = _positions_to_channels(carried, signs.shape[2], signs.shape[3])
    inputs = FeatureMap(carried, before.channel_axis).rows
    outputs = FeatureMap(signs, after.channel_axis).rows
    if len(inputs) != len(outputs) or not inputs.isfinite().all():
        return math.nan
    largest = float(torch.linalg.matrix_norm(inputs.T @ outputs / len(outputs), ord=2))
    return -largest - 1 / (largest + 1e-6) + 2


def _positions_to_channels(maps: Tensor, height: int, width: int) -> Tensor:
    """(n, c, H, W) to (n, c s s, height, width), s the stride; padded with zeros where it does not divide."""
    stride = max(-(-maps.shape[2] // height), -(-maps.shape[3] // width))
    below, right = height * stride - maps.shape[2], width * stride - maps.shape[3]
    return F.pixel_unshuffle(F.pad(maps, (0, right, 0, below)), stride)


def _entropies(trace: Trace) -> list[float]:
    return [_spectral_entropy(feature_map.rows) for feature_map in trace.feature_maps]


def _spectral_entropy(rows: Tensor) -> float:
    centred = rows - rows.mean(0)
    covariance = (centred.T @ centred / len(rows)).double()
    if not covariance.isfinite().all() or not covariance.any():
        return math.nan
    eigenvalues = torch.linalg.eigvalsh(covariance).clamp_min(0)
    p = eigenvalues / eigenvalues.sum()
    return -float((p * torch.log(p + 1e-8)).sum())


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value
