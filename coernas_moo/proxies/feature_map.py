"""A feature map, or the loss gradient at one, that knows which of its axes holds the channels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from torch import Tensor

from coernas_moo.proxies.spectrum import FLOOR, effective_rank_fractions, log_sphericities

ROWS = 1024
ROWS_A_CHANNEL = 8
"""How many rows of a map a log-sphericity looks at: at 8 a channel it is off by about 1/16, alike for all networks."""


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
    def channels(self) -> int:
        """Size of the channel axis."""
        return self.values.shape[self.channel_axis]

    @property
    def rows(self) -> Tensor:
        """Samples times positions by channels, shape (m, c); no copy where the channels lie innermost in memory."""
        return self.values.movedim(self.channel_axis, -1).reshape(-1, self.channels)

    def thinned(self, most: int) -> Tensor:
        """About `most` of the rows, or all where there are fewer; evenly spaced, an odd number of positions apart.

        An odd distance meets every column of a map whose width is a power of two.
        """
        rows = self.rows
        distance = len(rows) // most
        return rows[:: distance | 1] if distance > 1 else rows

    @property
    def measurable(self) -> bool:
        """Whether there are the two rows that a covariance takes."""
        return self.channels > 0 and self.values.numel() >= 2 * self.channels


def mean_effective_ranks(*groups: Sequence[FeatureMap]) -> list[float]:
    """For each group of maps the mean of the effective rank fraction, in (0, 1]; 0 for a group with no map to look at.

    Maps with fewer than two rows have no covariance and are skipped. A map that occurs several times, in one group or
    in two, is solved once and counted as often as it occurs.
    """
    return _means(lambda maps: effective_rank_fractions([m.rows for m in maps]), groups, 0.0)


def mean_log_sphericities(*groups: Sequence[FeatureMap]) -> list[float]:
    """The same of the log-sphericity; its lowest value, log(0.001), for a group with no map to look at.

    Of a map with many rows about 1,024 are looked at, or 8 a channel where that is more.
    """
    return _means(
        lambda maps: log_sphericities([m.thinned(max(ROWS, ROWS_A_CHANNEL * m.channels)) for m in maps]),
        groups,
        math.log(FLOOR),
    )


def mean_log_channels(maps: Sequence[FeatureMap]) -> float:
    """The mean, over maps that have a covariance, of the logarithm of their number of channels; 0 for none."""
    logs = [math.log(m.channels) for m in maps if m.measurable]
    return sum(logs) / len(logs) if logs else 0.0


def _means(
    measure: Callable[[list[FeatureMap]], list[float]], groups: Sequence[Sequence[FeatureMap]], nothing: float
) -> list[float]:
    seen = [[feature_map for feature_map in group if feature_map.measurable] for group in groups]
    distinct = list(dict.fromkeys(chain.from_iterable(seen)))
    values = dict(zip(distinct, measure(distinct), strict=True))
    return [sum(values[m] for m in group) / len(group) if group else nothing for group in seen]
