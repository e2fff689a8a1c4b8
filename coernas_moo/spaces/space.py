"""What every search space offers: genes in segments, canonical forms, text, plans of networks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.errors import GenotypeError, ProblemFileError
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Chains, Network, NetworkPlan
from coernas_moo.spaces.segment import Segment

if TYPE_CHECKING:
    from pymoo.core.variable import Choice

Genotype = NDArray[np.int64]
"""One candidate: a vector of shape (genes,) with one option code a gene."""


class SearchSpace(ABC):
    """The segments, and how a genotype becomes a network.

    A genotype is an int64 vector of shape (genes,); a population is an int64 matrix of shape (n, genes).

    Args:
        segments: in genotype order.
        input_shape: of one image.
        classes: number of classes, at least 2.
    """

    def __init__(self, segments: Sequence[Segment], input_shape: Shape, classes: int) -> None:
        self.segments = tuple(segments)
        self.input_shape = Shape(*input_shape)
        self.classes = classes

    @cached_property
    def genes(self) -> tuple[str, ...]:
        """Gene names in genotype order."""
        return tuple(gene for segment in self.segments for gene in segment.genes)

    @cached_property
    def cardinalities(self) -> NDArray[np.int64]:
        """Number of options of each gene, shape (genes,)."""
        return np.array([len(segment.options) for segment in self.segments for _ in segment.genes], dtype=np.int64)

    @cached_property
    def _bounds(self) -> NDArray[np.uint64]:
        return self.cardinalities.astype(np.uint64)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each segment stands in the genotype."""
        ends = np.cumsum([len(segment) for segment in self.segments])
        return {s.name: slice(int(end) - len(s), int(end)) for s, end in zip(self.segments, ends, strict=True)}

    def variables(self) -> dict[str, Choice]:
        """The genes as pymoo variables; options are the integer codes."""
        from pymoo.core.variable import Choice

        return {
            gene: Choice(options=np.arange(n)) for gene, n in zip(self.genes, self.cardinalities.tolist(), strict=True)
        }

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """`n` genotypes, each gene uniform over its options; shape (n, genes)."""
        return rng.integers(0, self.cardinalities, size=(n, len(self.genes)), dtype=np.int64)

    def check(self, genotype: ArrayLike) -> Genotype:
        """The genotype as an int64 vector of its own; raises `GenotypeError` where it does not belong to the space."""
        if isinstance(genotype, np.ndarray) and self._clearly_inside(genotype, 1):
            return genotype.copy()
        try:
            vector = np.asarray(genotype)
        except ValueError:
            raise GenotypeError("a genotype is a flat list of whole numbers, one a gene") from None
        if vector.shape != (len(self.genes),):
            raise GenotypeError(
                f"a genotype of this space has {len(self.genes)} genes, this one has shape {vector.shape}"
            )
        if vector.dtype.kind not in "iuf":
            raise GenotypeError("a genotype holds whole numbers: the option codes of its genes")
        with np.errstate(invalid="ignore"):
            codes: Genotype = vector.astype(np.int64)
        if vector.dtype.kind == "f" and not np.array_equal(codes, vector):
            raise GenotypeError("a genotype holds whole numbers: the option codes of its genes")
        outside = (codes < 0) | (codes >= self.cardinalities)
        if outside.any():
            gene = int(outside.argmax())
            raise GenotypeError(
                f"gene {self.genes[gene]!r} has codes 0 to {self.cardinalities[gene] - 1}, not {codes[gene]}"
            )
        return codes

    def check_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        """Genotypes (n, genes) as an int64 matrix of its own; raises `GenotypeError` where one is not of the space."""
        if isinstance(genotypes, np.ndarray) and self._clearly_inside(genotypes, 2):
            return genotypes.copy()
        return self._each(self.check, genotypes)

    def _clearly_inside(self, genotypes: NDArray[Any], axes: int) -> bool:
        if genotypes.dtype != np.int64 or genotypes.ndim != axes or genotypes.shape[-1:] != self._bounds.shape:
            return False
        # As unsigned numbers, negative codes are too large as well.
        return not (genotypes.view(np.uint64) >= self._bounds).any()

    def _each(self, form: Callable[[ArrayLike], Genotype], genotypes: ArrayLike) -> NDArray[np.int64]:
        """The form of every row, which is looked at by itself: rows may be of different lengths."""
        rows = genotypes if isinstance(genotypes, Sequence) else np.asarray(genotypes)
        if isinstance(rows, np.ndarray) and not rows.ndim:
            raise GenotypeError("genotypes are rows of whole numbers, one a gene")
        forms = [form(row) for row in rows]
        return np.array(forms, dtype=np.int64).reshape(len(forms), len(self.genes))

    def decode(self, genotype: ArrayLike) -> dict[str, str]:
        """Gene name to option label."""
        codes = self.check(genotype)
        labels = [segment.options for segment in self.segments for _ in segment.genes]
        return {gene: options[code] for gene, options, code in zip(self.genes, labels, codes, strict=True)}

    def encode(self, labels: Mapping[str, str]) -> Genotype:
        """The inverse of `decode`.

        Raises:
            GenotypeError: a gene is missing or unknown, or a label is not among its options.
        """
        unknown = sorted(set(labels) - set(self.genes))
        if unknown:
            raise GenotypeError(f"no gene named {unknown[0]!r}; the genes are {', '.join(self.genes)}")
        codes = []
        for segment in self.segments:
            for gene in segment.genes:
                if gene not in labels:
                    raise GenotypeError(f"gene {gene!r} is missing; the genes are {', '.join(self.genes)}")
                if labels[gene] not in segment.options:
                    raise GenotypeError(
                        f"gene {gene!r} cannot be {labels[gene]!r}; its options are {', '.join(segment.options)}"
                    )
                codes.append(segment.options.index(labels[gene]))
        return np.array(codes, dtype=np.int64)

    def size(self) -> int:
        """Number of genotypes."""
        return math.prod(self.cardinalities.tolist())

    def build(self, genotype: ArrayLike) -> Network:
        """The network of `genotype`, weights not yet set."""
        return self.plan(genotype).build()

    def params(self, genotype: ArrayLike) -> int:
        """Trainable parameters of the canonical network."""
        return self.plan(self.canonical(genotype)).params()

    def macs(self, genotype: ArrayLike) -> int:
        """MACs of the canonical network for one image."""
        return self.plan(self.canonical(genotype)).macs()

    @abstractmethod
    def canonical(self, genotype: ArrayLike) -> Genotype:
        """The one genotype that stands for all that build the same function; idempotent."""

    def canonical_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        """`canonical` of every row (n, genes). A search asks for those of all its candidates, many more than it
        evaluates: a space that can work them out at once overrides this."""
        return self._each(self.canonical, genotypes)

    def function(self, genotype: ArrayLike) -> Genotype:
        """The form by which genotypes are compared when one is to tell something of another: equal where the function
        is; the canonical form, unless a space tells genotypes apart that build the same function."""
        return self.canonical(genotype)

    def function_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        """`function` of every row (n, genes)."""
        if type(self).function is SearchSpace.function:
            return self.canonical_rows(genotypes)
        return self._each(self.function, genotypes)

    def parts(self, genotype: ArrayLike) -> NDArray[np.float64]:
        """How often each of the larger parts that a space knows occurs in a genotype, shape (parts,).

        A search compares genotypes by them, beside genes and options; there are none, unless a space says some.
        """
        return np.zeros(0)

    def live(self, genotype: ArrayLike) -> NDArray[np.bool_]:
        """Which genes of a genotype reach the output, shape (genes,); all of them, unless a space has inert genes.

        The canonical form does not depend on the others.
        """
        return np.ones(len(self.check(genotype)), dtype=np.bool_)

    @abstractmethod
    def canonical_size(self) -> int:
        """Number of canonical genotypes."""

    @abstractmethod
    def plan(self, genotype: ArrayLike) -> NetworkPlan:
        """The network as data, exactly as the genotype says, dead parts included where the space can express them."""

    def chains(self, genotypes: ArrayLike) -> Chains | None:
        """The plans of every row (n, genes), equal blocks shared; None where there is no quicker way than plan by plan,
        which is so unless a space overrides this."""
        return None

    @abstractmethod
    def to_text(self, genotype: ArrayLike) -> str:
        """A genotype as a person reads and types it."""

    @abstractmethod
    def from_text(self, text: str) -> Genotype:
        """The inverse of `to_text` up to inert genes; raises `GenotypeError` naming the part it cannot read."""

    @abstractmethod
    def reduced(self, size: int | None = None) -> SearchSpace:
        """The same genes at the low fidelity at which candidates are scored.

        Args:
            size: pixels of the shorter side of the scoring images; None lets the space choose.
        """


def scoring_shape(images: Shape, size: int) -> Shape:
    """`images` in proportion, so that the shorter side has `size` pixels; never larger than they are.

    Raises:
        ProblemFileError: a size below 1.

    Example:
        >>> scoring_shape(Shape(3, 32, 48), 16), scoring_shape(Shape(3, 8, 8), 32)
        (Shape(channels=3, height=16, width=24), Shape(channels=3, height=8, width=8))
    """
    if size < 1:
        raise ProblemFileError(f"candidates cannot be scored on images of size {size}; give at least 1")
    scale = min(1.0, size / min(images.height, images.width))
    return Shape(images.channels, max(1, round(images.height * scale)), max(1, round(images.width * scale)))
