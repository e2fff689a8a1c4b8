"""Canonical forms and texts of genotypes that come by again and again, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.spaces import Genotype, SearchSpace

REMEMBERED = 16384
"""Genotypes of each kind that are kept."""

Form = TypeVar("Form")


class Forms:
    """What a space says of genotypes; arrays that it returns are shared and must not be written to.

    Args:
        space: the search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        # What a space works out row by row is worth remembering.
        self._by_rows = type(space).canonical_rows is not SearchSpace.canonical_rows
        self._has_parts = type(space).parts is not SearchSpace.parts
        self._canonical: dict[bytes, Genotype] = {}
        self._parts: dict[bytes, NDArray[np.float64]] = {}
        self._texts: dict[bytes, str] = {}

    def canonical(self, genotype: ArrayLike) -> Genotype:
        """The canonical form; codes may be floats, which are rounded."""
        return _remembered(self._canonical, _rounded(np.asarray(genotype)), self.space.canonical)

    def canonical_rows(self, genotypes: NDArray[Any]) -> NDArray[np.int64]:
        """The canonical forms of a population (n, genes); codes may be floats, which are rounded."""
        if self._by_rows:
            return self.space.canonical_rows(_rounded(genotypes))
        forms = [self.canonical(row) for row in genotypes]
        return np.array(forms, dtype=np.int64).reshape(len(genotypes), len(self.space.genes))

    def parts(self, functions: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """How often each larger part occurs in functions (n, genes), shape (n, parts); None where there are none."""
        if not self._has_parts:
            return None
        parts = [_remembered(self._parts, function, self.space.parts) for function in functions]
        return np.array(parts).reshape(len(functions), -1)

    def text(self, canonical: Genotype) -> str:
        """A canonical genotype as text."""
        return _remembered(self._texts, canonical, self.space.to_text)


def _rounded(codes: NDArray[Any]) -> NDArray[np.int64]:
    return codes if codes.dtype == np.int64 else np.rint(codes.astype(float)).astype(np.int64)


def _remembered(known: dict[bytes, Form], codes: Genotype, make: Callable[[ArrayLike], Form]) -> Form:
    key = codes.tobytes()
    form = known.get(key)
    if form is None:
        if len(known) >= REMEMBERED:
            known.clear()
        form = known[key] = make(codes)
    return form
