"""The separable space's genotypes as text: `conv3,sep5:max/mb6k5:avg/conv3,dil3:blur:x1.5`.

Stages are separated by `/`, their units by `,`; a stage's pool follows after `:` and, in a space with
a width segment, its width multiplier after another `:`. No character needs quoting in a shell.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from coernas_moo.errors import GenotypeError


@dataclass(frozen=True)
class Vocabulary:
    """What may stand in the text.

    Args:
        stages: number of stages.
        max_depth: most units in a stage.
        units: names of the units.
        pools: names of the pools.
        widths: labels of the width multipliers; empty in a space without a width segment.
    """

    stages: int
    max_depth: int
    units: tuple[str, ...]
    pools: tuple[str, ...]
    widths: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """The form of one stage, for error messages."""
        return "unit,unit:pool:width" if self.widths else "unit,unit:pool"


@dataclass(frozen=True)
class StageCodes:
    """Option codes of one stage: its units in order (as many as the stage is deep), its pool and its width."""

    units: tuple[int, ...]
    pool: int
    width: int = 0


def to_text(stages: Sequence[StageCodes], vocabulary: Vocabulary) -> str:
    """The text of a genotype.

    Example:
        >>> words = Vocabulary(2, 2, ("conv3", "sep5"), ("max", "avg"))
        >>> to_text([StageCodes((0, 1), 0), StageCodes((1,), 1)], words)
        'conv3,sep5:max/sep5:avg'
    """
    return "/".join(_stage_text(stage, vocabulary) for stage in stages)


def from_text(text: str, vocabulary: Vocabulary) -> list[StageCodes]:
    """The inverse of `to_text`; blanks around a part do not matter.

    Raises:
        GenotypeError: naming the stage and the part that cannot be read.

    Example:
        >>> words = Vocabulary(1, 2, ("conv3", "sep5"), ("max", "avg"))
        >>> from_text("conv3,spe5:max", words)
        Traceback (most recent call last):
        ...
        coernas_moo.errors.GenotypeError: stage 1, unit 2: no unit 'spe5'; did you mean 'sep5'? Choose from conv3, sep5
    """
    parts = text.strip().split("/")
    if len(parts) != vocabulary.stages:
        raise GenotypeError(
            f"{len(parts)} stages in {text.strip()!r}, but this space has {vocabulary.stages}; "
            f"write {vocabulary.pattern} for each stage, with '/' between stages"
        )
    return [_stage_codes(part, number, vocabulary) for number, part in enumerate(parts, 1)]


def _stage_text(stage: StageCodes, vocabulary: Vocabulary) -> str:
    text = ",".join(vocabulary.units[unit] for unit in stage.units) + ":" + vocabulary.pools[stage.pool]
    return f"{text}:{vocabulary.widths[stage.width]}" if vocabulary.widths else text


def _stage_codes(part: str, number: int, vocabulary: Vocabulary) -> StageCodes:
    where = f"stage {number}"
    fields = [field.strip() for field in part.split(":")]
    expected = 3 if vocabulary.widths else 2
    if len(fields) != expected:
        raise GenotypeError(f"{where}: {part.strip()!r} is not of the form {vocabulary.pattern}")
    names = [name.strip() for name in fields[0].split(",")]
    if len(names) > vocabulary.max_depth:
        raise GenotypeError(
            f"{where}: {len(names)} units, but a stage of this space has at most {vocabulary.max_depth}"
        )
    units = tuple(
        _code(name, vocabulary.units, "unit", f"{where}, unit {position}") for position, name in enumerate(names, 1)
    )
    pool = _code(fields[1], vocabulary.pools, "pool", f"{where}, pool")
    width = _code(fields[2], vocabulary.widths, "width", f"{where}, width") if vocabulary.widths else 0
    return StageCodes(units, pool, width)


def _code(name: str, options: tuple[str, ...], kind: str, where: str) -> int:
    if name in options:
        return options.index(name)
    close = difflib.get_close_matches(name, options, n=1)
    found = f"no {kind} {name!r}" if name else f"the {kind} is missing"
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise GenotypeError(f"{where}: {found}{hint} Choose from {', '.join(options)}")
