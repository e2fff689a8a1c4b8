"""Names for the channels of a unit: what goes in, what comes out, and what is between as a function of those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Widths:
    """Names of all widths along a unit.

    Args:
        names: one for each width.
        parameters: names that the constructor takes, to their values, one for every use.
        assignments: statements that compute the other names.
    """

    names: tuple[str, ...]
    parameters: dict[str, list[int]]
    assignments: tuple[str, ...]

    def arguments(self, position: int) -> list[str]:
        """Arguments of one use: the channels by position, the rest by name."""
        return [
            str(values[position]) if name.endswith("channels") else f"{name}={values[position]}"
            for name, values in self.parameters.items()
        ]


def width_names(uses: Sequence[Sequence[int]], one_width: bool) -> Widths:
    """Names for the widths of units of one kind.

    A width between is written as what it is in all uses: a multiple of the input's channels, a fraction of the
    output's, the same as one of them, a multiple by a factor that the constructor takes; else the constructor takes it.

    Args:
        uses: the widths of every use, equally many.
        one_width: whether input and output are the same in all of them.

    Example:
        >>> names = width_names([[16, 96, 32], [32, 192, 32]], one_width=False)
        >>> names.names, names.assignments, names.arguments(0)
        (('in_channels', 'hidden', 'out_channels'), ('hidden = 6 * in_channels',), ['16', '32'])
    """
    columns = [list(column) for column in zip(*uses, strict=True)]
    first, last = columns[0], columns[-1]
    if len(columns) == 1 or one_width:
        source = target = "channels"
        parameters = {source: first}
    else:
        source, target = "in_channels", "out_channels"
        parameters = {source: first, target: last}
    names, assignments = [source], []
    hidden: dict[str, list[int]] = {}
    for column in columns[1:-1]:
        same = next((name for name, values in hidden.items() if values == column), None)
        same = same or (source if column == first else target if column == last else None)
        if same is None:
            same = f"hidden{len(hidden) + 1}" if hidden else "hidden"
            hidden[same] = column
            formula = _formula(column, first, last, source, target)
            if formula is not None:
                assignments.append(f"{same} = {formula}")
            elif "expansion" not in parameters and all(w % i == 0 for w, i in zip(column, first, strict=True)):
                parameters["expansion"] = [w // i for w, i in zip(column, first, strict=True)]
                assignments.append(f"{same} = expansion * {source}")
            else:
                parameters[same] = column
        names.append(same)
    if len(columns) > 1:
        names.append(target)
    return Widths(tuple(names), parameters, tuple(assignments))


def _formula(column: list[int], first: list[int], last: list[int], source: str, target: str) -> str | None:
    """A multiple of the first or a fraction of the last width, where one factor holds in every use."""
    factors = {width / start for width, start in zip(column, first, strict=True)}
    if len(factors) == 1 and (factor := factors.pop()).is_integer() and factor > 1:
        return f"{int(factor)} * {source}"
    factors = {end / width for width, end in zip(column, last, strict=True)}
    if len(factors) == 1 and (factor := factors.pop()).is_integer() and factor > 1:
        return f"{target} // {int(factor)}"
    return None
