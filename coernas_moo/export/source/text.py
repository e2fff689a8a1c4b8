"""Python source as text: calls that break when they are long, names, docstrings."""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

WIDTH = 120
_REPEATED = 3
"""From so many equal parts in a row on, a loop reads better than the list."""

_INDENT = "    "
_ROOM = 24
"""Columns left for what stands around a call: its indentation and the name it is assigned to."""


def call(function: str, arguments: Iterable[str]) -> str:
    """A call on one line, or one argument a line where that is too long or an argument has lines of its own.

    Example:
        >>> call("nn.Conv2d", ["1", "16", "3", "padding=1"])
        'nn.Conv2d(1, 16, 3, padding=1)'
    """
    parts = list(arguments)
    line = f"{function}({', '.join(parts)})"
    if "\n" not in line and len(line) <= WIDTH - _ROOM:
        return line
    return exploded(function, parts)


def exploded(function: str, arguments: Iterable[str]) -> str:
    """A call with one argument a line."""
    return f"{function}(\n" + "".join(indented(f"{part},") + "\n" for part in arguments) + ")"


def sequential(parts: Sequence[str]) -> str:
    """`nn.Sequential` of module expressions; one part stands for itself, many equal ones become a loop.

    Example:
        >>> print(sequential(["nn.ReLU()", *["Cell(16)"] * 3]))
        nn.Sequential(
            nn.ReLU(),
            *(Cell(16) for _ in range(3)),
        )
    """
    if len(parts) == 1:
        return parts[0]
    lines: list[str] = []
    for part, run in groupby(parts):
        count = len(list(run))
        lines += [f"*({part} for _ in range({count}))"] if count >= _REPEATED else [part] * count
    return exploded("nn.Sequential", lines) if len(lines) > 1 else f"nn.Sequential({''.join(lines)})"


def indented(text: str, levels: int = 1) -> str:
    """The text, every line of it moved to the right."""
    return textwrap.indent(text, _INDENT * levels)


def docstring(text: str) -> str:
    """A docstring, wrapped, whatever characters the text has.

    Example:
        >>> print(docstring('Says "hello".'))
        \"""Says "hello".\"""
    """
    paragraphs = [" ".join(paragraph.split()) for paragraph in in_docstring(text).split("\n\n")]
    # A word that was broken between two backslashes would be another one.
    wrapped = (textwrap.wrap(each, WIDTH - 8, break_long_words=False, break_on_hyphens=False) for each in paragraphs)
    said = "\n\n".join("\n".join(lines) for lines in wrapped).strip()
    if said.endswith('"'):
        said += " "  # else it would close the docstring too early
    return f'"""{said}"""' if "\n" not in said else f'"""{said}\n"""'


def in_docstring(text: str) -> str:
    """Text that may stand within a docstring: what is not printable, but a line's end, is a space."""
    printable = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return printable.replace("\\", "\\\\").replace('"""', "'''")


RESERVED = frozenset({"Network", "Path", "Tensor", "F", "CLASSES", "SHAPE", "MEAN", "STD", *dir(builtins)})
"""Names that a class of the written module cannot have."""


def class_name(labels: Sequence[str], default: str = "Unit") -> str:
    """A class name from what the labels of its uses have in common, sizes left out.

    Example:
        >>> class_name(["inverted bottleneck 3x3, expansion 3", "inverted bottleneck 5x5, expansion 6"])
        'InvertedBottleneck'
        >>> class_name(["none"]), class_name(["3x3", "5x5"]), class_name(["convolution 3x3", "dilated convolution"])
        ('NoneUnit', 'Unit', 'Convolution')
    """
    words = [re.findall(r"[A-Za-z][A-Za-z0-9]*", _without_sizes(label.partition(",")[0])) for label in labels]
    common = [word for word in words[0] if all(word in others for others in words)] if words else []
    name = "".join(word[0].upper() + word[1:] for word in common) or default
    return f"{name}Unit" if name in RESERVED or keyword.iskeyword(name) else name


def _without_sizes(label: str) -> str:
    return " ".join(word for word in label.split() if not re.search(r"\d", word))


def attribute_name(name: str, taken: Iterable[str]) -> str:
    """An attribute of a module: an identifier that neither `nn.Module` nor `taken` has.

    Example:
        >>> attribute_name("stage1", []), attribute_name("forward", []), attribute_name("2-head", ["_2_head"])
        ('stage1', 'forward_', '_2_head_')
    """
    from torch import nn

    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not word or word[0].isdigit():
        word = f"_{word}"
    used = {*taken, *dir(nn.Module())}
    while word in used or keyword.iskeyword(word):
        word += "_"
    return word
