"""Text that other formats take literally: cells of LaTeX and Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def booktabs(columns: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a LaTeX table for the package booktabs.

    Args:
        columns: how each is aligned, such as `lrr`.
        head: names of the columns, taken literally.
        rows: cells as LaTeX.

    Example:
        >>> booktabs("lr", ["name", "50 %"], [["a", "1"]])[0::2]
        ['\\\\begin{tabular}{lr}', 'name & 50 \\\\% \\\\\\\\', 'a & 1 \\\\\\\\', '\\\\end{tabular}']
    """
    return [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(latex, head)) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
