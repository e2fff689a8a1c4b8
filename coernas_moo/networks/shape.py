"""The shape of one image or feature map."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """Shape of one image or feature map, without the batch."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"
