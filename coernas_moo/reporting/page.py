"""Pages of Markdown that a command writes: the command itself, wrapped text, tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from coernas_moo.versions import versions

WIDTH = 118


def made_by(command: str) -> list[str]:
    """The command that makes the page, and the versions that did."""
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return ["```text", command, "```", "", paragraph(f"Made with {known}.")]


def paragraph(text: str) -> str:
    """One paragraph, wrapped; whatever white space the text has counts as one space.

    Example:
        >>> paragraph("one\\n   line")
        'one line'
    """
    return textwrap.fill(_plain(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def bullets(*items: str) -> list[str]:
    """A list, each item wrapped."""
    return [
        textwrap.fill(
            _plain(item),
            WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    ]


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """A table; a bar within a cell does not end it.

    Example:
        >>> markdown_table(("a", "b"), [("1", "2")])
        ['| a | b |', '|---|---|', '| 1 | 2 |']
        >>> markdown_table(("class",), [("rust|scale",)])[-1]
        '| rust\\\\|scale |'
    """
    rows = [f"| {' | '.join(_cell(text) for text in line)} |" for line in (head, *lines)]
    return [rows[0], "|---|" + "---|" * (len(head) - 1), *rows[1:]]


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _plain(text: str) -> str:
    return " ".join(text.split())
