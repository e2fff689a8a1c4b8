"""A search space in one line: its genes and how many networks they make."""

from __future__ import annotations

from coernas_moo.spaces import SearchSpace

_WRITTEN_OUT = 10**9


def space_text(space: SearchSpace) -> str:
    """Number of genes of each segment, and how many genotypes and distinct networks they make."""
    segments = ", ".join(f"{len(segment)} {segment.name}" for segment in space.segments)
    return f"{segments} genes; {_big(space.size())} genotypes, {_big(space.canonical_size())} distinct networks"


def _big(number: int) -> str:
    """Whole numbers of any size, which floats cannot hold.

    Example:
        >>> _big(15625), _big(10**400)
        ('15,625', '1.0e400')
    """
    if number < _WRITTEN_OUT:
        return f"{number:,}"
    digits = str(number)
    return f"{digits[0]}.{digits[1]}e{len(digits) - 1}"
