"""A feature map, or the loss gradient at one, that knows which of its axes holds the channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from torch import Tensor

from coernas_moo.proxies.spectrum import effective_rank_fractions


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Values seen at one place of the network.

    A map that several layers consume is one object, listed once for each: its spectrum is computed once.

    Args:
        values: (n, c), (n, c, h, w), (n, tokens, c) or any other shape with a channel axis; detached.
        channel_axis: the axis of `values` that holds the channels.
    """

    values: Tensor
    channel_axis: int

    @property
    def rows(self) -> Tensor:
        """Samples times positions by channels, shape (m, c); no copy where the channels lie innermost in memory."""
        return self.values.movedim(self.channel_axis, -1).reshape(-1, self.values.shape[self.channel_axis])

    @property
    def measurable(self) -> bool:
        """Whether there are the two rows that a covariance takes."""
        channels = self.values.shape[self.channel_axis]
        return channels > 0 and self.values.numel() >= 2 * channels


def mean_effective_ranks(*groups: Sequence[FeatureMap]) -> list[float]:
    """For each group of maps the mean of the effective rank fraction, in (0, 1]; 0 for a group with no map to look at.

    Maps with fewer than two rows have no covariance and are skipped. A map that occurs several times, in one group or
    in two, is solved once and counted as often as it occurs.
    """
    seen = [[feature_map for feature_map in group if feature_map.measurable] for group in groups]
    fractions = _fractions(chain.from_iterable(seen))
    return [sum(fractions[m] for m in group) / len(group) if group else 0.0 for group in seen]


def effective_dimensions(maps: Sequence[FeatureMap]) -> float:
    """Sum over maps of their channels times the effective rank fraction; 0 where there is no map to look at.

    Maps are skipped and counted as in `mean_effective_ranks`.
    """
    seen = [feature_map for feature_map in maps if feature_map.measurable]
    fractions = _fractions(seen)
    return float(sum(m.values.shape[m.channel_axis] * fractions[m] for m in seen))


def _fractions(maps: Iterable[FeatureMap]) -> dict[FeatureMap, float]:
    """The effective rank fraction of each distinct map."""
    distinct = list(dict.fromkeys(maps))
    return dict(zip(distinct, effective_rank_fractions([m.rows for m in distinct]), strict=True))
