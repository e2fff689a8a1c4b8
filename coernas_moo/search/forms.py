"""Canonical forms and texts of genotypes that come by again and again, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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
        # Where a space adds nothing, its function of a canonical form is that form.
        self._tells_apart = type(space).function is not SearchSpace.function
        self._canonical: dict[bytes, Genotype] = {}
        self._functions: dict[bytes, Genotype] = {}
        self._parts: dict[bytes, NDArray[np.float64]] = {}
        self._texts: dict[bytes, str] = {}

    def canonical(self, genotype: ArrayLike) -> Genotype:
        """The canonical form; codes may be floats, which are rounded."""
        codes = np.asarray(genotype)
        if codes.dtype != np.int64:
            codes = np.rint(codes.astype(float)).astype(np.int64)
        return _remembered(self._canonical, codes, self.space.canonical)

    def function(self, canonical: Genotype) -> Genotype:
        """The form by which a canonical genotype is compared with others."""
        if not self._tells_apart:
            return canonical
        return _remembered(self._functions, canonical, self.space.function)

    def parts(self, function: Genotype) -> NDArray[np.float64]:
        """The larger parts that the space counts in a function."""
        return _remembered(self._parts, function, self.space.parts)

    def text(self, canonical: Genotype) -> str:
        """A canonical genotype as text."""
        return _remembered(self._texts, canonical, self.space.to_text)


def _remembered(known: dict[bytes, Form], codes: Genotype, make: Callable[[ArrayLike], Form]) -> Form:
    key = codes.tobytes()
    form = known.get(key)
    if form is None:
        if len(known) >= REMEMBERED:
            known.clear()
        form = known[key] = make(codes)
    return form
