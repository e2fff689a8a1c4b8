"""A genotype in a terminal: unbroken, to be copied; or broken at its separators, never inside a name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_BREAKS = re.compile(r"(?<=[/,+])|(?<=[^+]\|)(?=[^+])")
_STAGE_BREAKS = re.compile(r"(?<=[/+])")


def _split(breaks: re.Pattern[str], text: str) -> list[str]:
    return [part for part in breaks.split(text) if part]


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters that end at `/`, `+`, `,` or `|`; at stages rather than inside them.

    A part that is wider than a line is cut.

    Example:
        >>> wrap("conv3,sep5:max/mb6k5:avg/dil3:max", 16)
        ['conv3,sep5:max/', 'mb6k5:avg/', 'dil3:max']
    """
    lines = [""]
    for stage in _split(_STAGE_BREAKS, text):
        parts = [stage] if len(stage) <= width else _split(_BREAKS, stage)
        for part in parts:
            if len(lines[-1]) + len(part) > width and lines[-1]:
                lines.append("")
            while len(part) > width:
                lines[-1], part = part[:width], part[width:]
                lines.append("")
            lines[-1] += part
    return lines


def unbroken(text: str, style: str = "") -> Text:
    """A genotype in one line, however long: print it with `crop=False`, and a copy of it is whole."""
    return Text(text, style=style, no_wrap=True, overflow="ignore")


@dataclass(frozen=True)
class GenotypeText:
    """A genotype as a rich renderable that fits the column it is given."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in wrap(self.text, options.max_width):
            yield Text(line, style=self.style, no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        longest = max(map(len, _split(_BREAKS, self.text)), default=0)
        return Measurement(min(longest, options.max_width), min(len(self.text), options.max_width))
