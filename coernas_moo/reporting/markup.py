"""Text that other formats take literally: cells of LaTeX and Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "µ": r"\textmu{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def latex(text: str) -> str:
    """The text with everything escaped that LaTeX would read.

    Example:
        >>> latex("nor_conv_1x1~0"), latex("50 %")
        ('nor\\\\_conv\\\\_1x1\\\\textasciitilde{}0', '50 \\\\%')
    """
    return "".join(_LATEX.get(character, character) for character in text)


def markdown_row(cells: Iterable[str]) -> str:
    """One row of a Markdown table.

    Example:
        >>> markdown_row(["a|b", "c"])
        '| a\\\\|b | c |'
    """
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
