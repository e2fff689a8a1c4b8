"""A limit of the hardware, such as `params <= 2e6`, as a constraint `g <= 0`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from coernas_moo.errors import ProblemFileError

_PATTERN = re.compile(r"\s*([A-Za-z_][\w.:-]*)\s*(<=|>=)\s*([0-9.eE+_-]+)\s*")

Value = TypeVar("Value", float, NDArray[np.float64])


@dataclass(frozen=True)
class Limit:
    """`objective` must stay at or below (`<=`), or at or above (`>=`), `bound`.

    Example:
        >>> limit = Limit.parse("params <= 2e6")
        >>> limit.violation(3e6), limit.violation(1e6)
        (0.5, -0.5)
        >>> str(limit)
        'params <= 2e+06'
    """

    objective: str
    comparison: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read `NAME <= NUMBER` or `NAME >= NUMBER`; raises `ProblemFileError` for anything else."""
        match = _PATTERN.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            bound = float(match[3])
            if not math.isfinite(bound):
                raise ValueError
        except ValueError:
            raise ProblemFileError(
                f"limits: {text!r} is not a limit; write for example 'params <= 2e6' or 'score >= 0.5'"
            ) from None
        return cls(match[1], "<=" if match[2] == "<=" else ">=", bound)

    def violation(self, value: Value) -> Value:
        """Relative to the bound: positive where the limit is broken, as pymoo's `G` expects; of any shape."""
        excess = value - self.bound if self.comparison == "<=" else self.bound - value
        return excess / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        return f"{self.objective} {self.comparison} {self.bound:g}"
