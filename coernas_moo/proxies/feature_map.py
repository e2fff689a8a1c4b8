"""A feature map, or the loss gradient at one, that knows which of its axes holds the channels."""

from __future__ import annotations

from collections.abc import Sequence
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
    distinct = list(dict.fromkeys(chain.from_iterable(seen)))
    ranks = dict(zip(distinct, effective_rank_fractions([m.rows for m in distinct]), strict=True))
    return [sum(ranks[m] for m in group) / len(group) if group else 0.0 for group in seen]
