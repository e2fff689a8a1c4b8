"""Chains of layers as classes: units that differ in widths, kernels or dilations alone share one, as if by hand."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from coernas_moo.export.source.chain_use import ChainUse, Part
from coernas_moo.export.source.text import call, class_name, docstring, exploded, indented, sequential
from coernas_moo.export.source.widths import Widths, width_names
from coernas_moo.export.source.writer import Place, SourceWriter
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, Linear, ReLU

_WRITTEN_IN_PLACE = 2
"""A chain of so few layers that adds nothing needs no class."""

_DILATION = "dilation"


@dataclass(frozen=True)
class Family:
    """Uses of chains that one class stands for.

    Args:
        uses: all of them, in the order of the network.
        added_after: after how many parts the input is added; None where it never is.
        always: whether it is in all of them, and not only in those that keep the width.
    """

    uses: tuple[ChainUse, ...]
    added_after: int | None
    always: bool

    @property
    def labels(self) -> list[str]:
        """What the blocks are called, each once."""
        return list(dict.fromkeys(use.place.label for use in self.uses))


def families(uses: Iterable[ChainUse]) -> list[Family]:
    """The uses sorted into families, in the order of their first members.

    Chains with equal parts belong together where they add the input after the same part; those that do not add it
    join them if they change the width: then the class can tell from the width whether it adds.
    """
    by_kinds: dict[Hashable, list[ChainUse]] = {}
    for use in uses:
        by_kinds.setdefault(use.kinds, []).append(use)
    found = []
    for alike in by_kinds.values():
        without = [use for use in alike if use.added_after is None]
        tellable = not any(use.keeps_width for use in without)
        for position in sorted({use.added_after for use in alike if use.added_after is not None}):
            adding = [use for use in alike if use.added_after == position]
            joining, without = (without, []) if tellable else ([], without)
            members = [use for use in alike if use in adding or use in joining]
            found.append(Family(tuple(members), position, always=not joining))
        if without:
            found.append(Family(tuple(without), None, always=False))
    return found


class ChainClasses:
    """Writes chains; knows all uses in the network before the first is written."""

    def __init__(self, uses: Iterable[ChainUse]) -> None:
        self._families = families(uses)

    def expression(self, chain: Chain, place: Place, writer: SourceWriter) -> str:
        """Python that constructs the chain's module."""
        use = ChainUse.of(chain, place)
        alone = Family((use,), use.added_after, always=True)  # inside a layer that writes itself
        family = next((family for family in self._families if use in family.uses), alone)
        if family.added_after is None and (len(family.uses) == 1 or len(use.parts) <= _WRITTEN_IN_PLACE):
            literal = [str(width) for width in use.widths]
            return sequential([_part(part, literal, writer, _sides(part)) for part in use.parts] or ["nn.Identity()"])
        widths = width_names([other.widths for other in family.uses], one_width=family.always)
        sides = Sides.of(family.uses)
        name = writer.add_class(
            family, class_name(family.labels), lambda name: _class(name, family, widths, sides, writer)
        )
        position = family.uses.index(use)
        return call(name, [*widths.arguments(position), *sides.arguments(position)])


@dataclass(frozen=True)
class Sides:
    """Kernels and dilations of the convolutions of a family.

    Args:
        texts: for every convolution its kernel and its dilation, as numbers or names.
        values: of the names, one for every use.
    """

    texts: tuple[tuple[str, str], ...]
    values: dict[str, list[int]]

    @classmethod
    def of(cls, uses: Sequence[ChainUse]) -> Sides:
        """What is equal in all uses becomes a number, the rest a name; what varies alike shares a name."""
        values: dict[str, list[int]] = {}

        def text(name: str, numbers: list[int]) -> str:
            if len(set(numbers)) == 1:
                return str(numbers[0])
            wish, count = name, 1
            while wish in values and values[wish] != numbers:
                count += 1
                wish = f"{name}{count}"
            values[wish] = numbers
            return wish

        texts = []
        for convolutions in zip(*(use.convolutions for use in uses), strict=True):
            kernel = text("kernel", [conv.kernel for conv in convolutions])
            texts.append((kernel, text(_DILATION, [conv.dilation for conv in convolutions])))
        return cls(tuple(texts), values)

    def arguments(self, position: int) -> list[str]:
        """Keyword arguments of one use; a dilation of 1 goes without saying."""
        return [
            f"{name}={numbers[position]}"
            for name, numbers in self.values.items()
            if not (name.startswith(_DILATION) and numbers[position] == 1)
        ]

    @property
    def parameters(self) -> list[str]:
        """Parameters of the constructor, those with a default last."""
        names = sorted(self.values, key=lambda name: name.startswith(_DILATION))
        return [f"{name}: int" + (" = 1" if name.startswith(_DILATION) else "") for name in names]


def _sides(part: Part) -> tuple[str, str]:
    return (str(part.layer.kernel), str(part.layer.dilation)) if isinstance(part.layer, Conv) else ("", "")


def _class(name: str, family: Family, widths: Widths, sides: Sides, writer: SourceWriter) -> str:
    use = family.uses[0]
    remaining = iter(sides.texts)
    parts = [
        _part(part, widths.names, writer, next(remaining) if isinstance(part.layer, Conv) else ("", ""))
        for part in use.parts
    ]
    parameters = [*(f"{width}: int" for width in widths.parameters), *sides.parameters]
    said = "; ".join(family.labels)
    head = [
        indented(docstring(f"{said[:1].upper()}{said[1:]}.")),
        "",
        f"    def __init__({', '.join(['self', *parameters])}) -> None:",
    ]
    if family.added_after is None:
        constructor = [*widths.assignments, exploded("super().__init__", parts)]
        return "\n".join([f"class {name}(nn.Sequential):", *head, *(indented(line, 2) for line in constructor)])
    body, after = parts[: family.added_after], parts[family.added_after :]
    constructor = ["super().__init__()", *widths.assignments, f"self.body = {sequential(body)}"]
    ending = "{}"
    if after == ["nn.ReLU()"]:
        ending = "F.relu({})"
    elif after:
        constructor.append(f"self.after = {sequential(after)}")
        ending = "self.after({})"
    forward = [f"return {ending.format('self.body(x) + x')}"]
    if not family.always:
        constructor.append(f"self.shortcut = {widths.names[0]} == {widths.names[-1]}")
        forward = ["y = self.body(x)", f"return {ending.format('y + x if self.shortcut else y')}"]
    return "\n".join(
        [
            f"class {name}(nn.Module):",
            *head,
            *(indented(line, 2) for line in constructor),
            "",
            "    def forward(self, x: Tensor) -> Tensor:",
            *(indented(line, 2) for line in forward),
        ]
    )


def _part(part: Part, widths: Sequence[str], writer: SourceWriter, sides: tuple[str, str]) -> str:
    before, after = widths[part.before], widths[part.after]
    match part.layer:
        case Conv() as conv:
            return _convolution(conv, before, after, sides, part.depthwise)
        case BatchNorm():
            return f"nn.BatchNorm2d({before})"
        case Linear():
            return f"nn.Linear({before}, {after})"
        case ReLU():
            return "nn.ReLU()"
        case other:
            return writer.expression(other, part.place)


def _convolution(conv: Conv, before: str, after: str, sides: tuple[str, str], depthwise: bool) -> str:
    kernel, dilation = sides
    arguments = [before, after, kernel]
    if conv.stride != 1:
        arguments.append(f"stride={conv.stride}")
    if kernel != "1":
        arguments.append(f"padding={_padding(kernel, dilation)}")
    if dilation != "1":
        arguments.append(f"dilation={dilation}")
    if depthwise:
        arguments.append(f"groups={before}")
    elif conv.groups != 1:
        arguments.append(f"groups={conv.groups}")
    return call("nn.Conv2d", [*arguments, "bias=False"])


def _padding(kernel: str, dilation: str) -> str:
    half = str(int(kernel) // 2) if kernel.isdecimal() else f"{kernel} // 2"
    if dilation == "1":
        return half
    if half.isdecimal() and dilation.isdecimal():
        return str(int(half) * int(dilation))
    if half == "1":
        return dilation
    return f"{dilation} * {half}" if half.isdecimal() else f"{dilation} * ({half})"
