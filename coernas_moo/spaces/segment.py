"""A named run of genes that share their options and have operators of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coernas_moo.errors import ProblemFileError

CrossoverKind = Literal["two-point", "single-point"]


@dataclass(frozen=True)
class Segment:
    """Genes `genes`, each choosing one of `options`; a gene's code is an index into `options`.

    Args:
        name: `conv`, `pool`, `depth`, `width`, `edge`, ...
        genes: unique gene names, in genotype order.
        options: labels of the choices, at least one.
        crossover: how two parents exchange this segment.

    Raises:
        ProblemFileError: no gene, no option, or an option named twice.
    """

    name: str
    genes: tuple[str, ...]
    options: tuple[str, ...]
    crossover: CrossoverKind = "two-point"

    def __post_init__(self) -> None:
        if not self.genes:
            raise ProblemFileError(f"segment {self.name!r} has no gene; give it at least one")
        if not self.options:
            raise ProblemFileError(f"segment {self.name!r} has no choice; list at least one option")
        if len(set(self.options)) < len(self.options):
            raise ProblemFileError(f"segment {self.name!r} lists an option twice: {', '.join(self.options)}")

    def __len__(self) -> int:
        return len(self.genes)
