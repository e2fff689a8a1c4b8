"""The NAS-Bench-201 space: six edges of one cell, five operations, a fixed outer network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.errors import GenotypeError, ProblemFileError
from coernas_moo.networks.cell import EDGES, NODES, OPERATIONS, Cell, Reduction
from coernas_moo.networks.layers import BatchNorm, Chain, Conv, GlobalAveragePool, Linear, ReLU, Shape
from coernas_moo.networks.plan import Block, Chains, NetworkPlan
from coernas_moo.spaces.cell_algebra import canonical_forms, without_dead_edges
from coernas_moo.spaces.cell_paths import path_counts
from coernas_moo.spaces.segment import Segment
from coernas_moo.spaces.settings import SPACES, SpaceSettings
from coernas_moo.spaces.space import Genotype, SearchSpace, scoring_shape

STAGES = 3
SCORING_SIZE = 16


class NASBench201(SearchSpace):
    """One cell, repeated in three stages of widths C, 2C, 4C with reduction blocks between.

    Source: Dong & Yang 2020, "NAS-Bench-201", section 2; `channels=16, cells=5` is the network of the benchmark.

    Args:
        input_shape: of one image.
        classes: number of classes.
        channels: width C of the first stage.
        cells: cells a stage.
        scoring_cells: cells a stage at the low fidelity at which candidates are scored.
        options: operations to choose from, any of the benchmark's five.
        merge: whether genotypes that compute the same function are one network; otherwise every genotype stands for
            itself, as in the benchmark's table, where each was trained and measured by itself.

    Raises:
        ProblemFileError: an unknown or repeated operation, or a number below 1.

    Example:
        >>> space = NASBench201(Shape(3, 32, 32), 10)
        >>> space.size(), space.canonical_size()
        (15625, 4930)
        >>> text = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
        >>> space.to_text(space.canonical(space.from_text(text)))
        '|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
    """

    def __init__(
        self,
        input_shape: Shape,
        classes: int,
        channels: int = 16,
        cells: int = 5,
        scoring_cells: int = 1,
        options: Sequence[str] = OPERATIONS,
        merge: bool = True,
    ) -> None:
        for name, value in (("channels", channels), ("cells", cells), ("scoring_cells", scoring_cells)):
            if value < 1:
                raise ProblemFileError(f"{name} of the nasbench201 space is {value}; give at least 1")
        unknown = [option for option in options if option not in OPERATIONS]
        if unknown:
            raise ProblemFileError(
                f"the nasbench201 space has no operation {unknown[0]!r}; choose from {', '.join(OPERATIONS)}"
            )
        genes = tuple(f"{source}-{target}" for source, target in EDGES)
        super().__init__([Segment("edge", genes, tuple(options), "two-point")], input_shape, classes)
        self.channels = channels
        self.cells = cells
        self.scoring_cells = scoring_cells
        self.options = tuple(options)
        self.merge = merge
        self._made: dict[int, tuple[Block, ...]] = {}

    def operations(self, genotype: ArrayLike) -> tuple[str, ...]:
        """The operation of each edge."""
        return tuple(self.options[code] for code in self.check(genotype))

    def without_dead_edges(self, genotype: ArrayLike) -> Genotype:
        """The genotype with `none` on every edge that lies on no path from input to output.

        There is no such edge where `none` is not among the options: then every node is fed and used.
        """
        live = without_dead_edges(self.operations(genotype))
        return np.array([self.options.index(operation) for operation in live], dtype=np.int64)

    def canonical(self, genotype: ArrayLike) -> Genotype:
        """The one genotype that stands for all that compute the same function; itself where these are not merged."""
        return self.function(genotype) if self.merge else self.check(genotype)

    def function(self, genotype: ArrayLike) -> Genotype:
        """The one genotype that stands for all that compute the same function by the rules of
        `coernas_moo.spaces.cell_algebra`."""
        codes = self.check(genotype)
        canonical: Genotype = canonical_forms(self.options).table[tuple(codes)].astype(np.int64)
        return canonical

    def canonical_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        return self.function_rows(genotypes) if self.merge else self.check_rows(genotypes)

    def function_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        codes = self.check_rows(genotypes)
        functions: NDArray[np.int64] = canonical_forms(self.options).table[tuple(codes.T)].astype(np.int64)
        return functions

    def parts(self, genotype: ArrayLike) -> NDArray[np.float64]:
        """How often each path leads through the cell (`coernas_moo.spaces.cell_paths`)."""
        return path_counts(self.operations(genotype))

    def canonical_size(self) -> int:
        return canonical_forms(self.options).count if self.merge else self.size()

    @cached_property
    def _before(self) -> Block:
        stem = Chain((Conv(self.input_shape.channels, self.channels, 3), BatchNorm(self.channels)))
        return Block("stem", "conv 3x3", stem)

    @cached_property
    def _after(self) -> tuple[Block, ...]:
        width = self.channels * 2 ** (STAGES - 1)
        return (
            Block("activation", "batch norm, ReLU", Chain((BatchNorm(width), ReLU())), observed=False),
            Block("pool", "global average", GlobalAveragePool(), observed=False),
            Block("classifier", "linear", Linear(width, self.classes), observed=False),
        )

    def plan(self, genotype: ArrayLike) -> NetworkPlan:
        operations = self.operations(genotype)
        blocks = [self._before]
        for stage in range(1, STAGES + 1):
            width = self.channels * 2 ** (stage - 1)
            if stage > 1:
                blocks.append(_reduction(stage, width))
            cell = Cell(width, operations)
            blocks.extend(Block(f"stage{stage}.cell{i}", "cell", cell) for i in range(1, self.cells + 1))
        return NetworkPlan(self.input_shape, (*blocks, *self._after))

    def chains(self, genotypes: ArrayLike) -> Chains:
        codes = self.check_rows(genotypes)
        keys = np.ravel_multi_index(tuple(codes.T), tuple(self.cardinalities))
        distinct, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        # Any network is the frame: cells stand where its own do, and those of a stage are alike.
        frame = list(self.plan(np.zeros_like(self.cardinalities)).placed())
        places = np.tile(np.arange(len(frame)), (len(codes), 1))
        stages: dict[int, Shape] = {}
        for place, (block, shape) in enumerate(frame):
            if isinstance(block.layer, Cell):
                stages.setdefault(block.layer.channels, shape)
                places[:, place] = len(frame) + STAGES * numbers + len(stages) - 1
        cells = [
            placed
            for key, row in zip(distinct.tolist(), first, strict=True)
            for placed in zip(self._cells(key, codes[row]), stages.values(), strict=True)
        ]
        return Chains((*frame, *cells), places)

    def _cells(self, key: int, genotype: Genotype) -> tuple[Block, ...]:
        """A genotype's cell in each stage, made once."""
        if key not in self._made:
            operations = self.operations(genotype)
            self._made[key] = tuple(
                Block("cell", "cell", Cell(self.channels * 2**stage, operations)) for stage in range(STAGES)
            )
        return self._made[key]

    def to_text(self, genotype: ArrayLike) -> str:
        """The benchmark's architecture string, `|operation~source|...|` for nodes 1 to 3, joined by `+`."""
        operations = self.operations(genotype)
        nodes = [
            "".join(
                f"{operation}~{source}|"
                for (source, target), operation in zip(EDGES, operations, strict=True)
                if target == node
            )
            for node in range(1, NODES)
        ]
        return "+".join(f"|{node}" for node in nodes)

    def from_text(self, text: str) -> Genotype:
        """The inverse of `to_text`; spaces and the outer bars of a node may differ, as may the order of its edges."""
        nodes = text.split("+")
        if len(nodes) != NODES - 1:
            raise GenotypeError(
                f"an architecture has {NODES - 1} nodes joined by '+', {text.strip()!r} has {len(nodes)};"
                f" write it like {self.to_text([0] * len(EDGES))}"
            )
        labels: dict[str, str] = {}
        for target, node in enumerate(nodes, start=1):
            parts = [part.strip() for part in node.strip().strip("|").split("|")]
            for part in parts:
                operation, _, source = (piece.strip() for piece in part.partition("~"))
                gene = f"{source}-{target}"
                if gene not in self.genes:
                    raise GenotypeError(
                        f"cannot read {part!r} in node {target} of {text.strip()!r};"
                        f" write operation~source with a source from 0 to {target - 1}"
                    )
                if gene in labels:
                    raise GenotypeError(
                        f"node {target} of {text.strip()!r} names source {source} twice; name each once"
                    )
                if operation not in self.options:
                    raise GenotypeError(
                        f"no operation {operation!r} ({part!r} in node {target} of {text.strip()!r});"
                        f" choose from {', '.join(self.options)}"
                    )
                labels[gene] = operation
            if len(parts) < target:
                raise GenotypeError(
                    f"node {target} of {text.strip()!r} has {len(parts)} of its {target} edges;"
                    f" name sources 0 to {target - 1}"
                )
        return self.encode(labels)

    def reduced(self, size: int | None = None) -> NASBench201:
        """The same genes and widths with `scoring_cells` cells a stage on smaller images, in proportion.

        Args:
            size: pixels of the shorter side, by default 16; never more than the images have.

        Raises:
            ProblemFileError: a size below 1.
        """
        return NASBench201(
            scoring_shape(self.input_shape, SCORING_SIZE if size is None else size),
            self.classes,
            channels=self.channels,
            cells=self.scoring_cells,
            scoring_cells=self.scoring_cells,
            options=self.options,
            merge=self.merge,
        )


Operation = Literal["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
Count = Annotated[int, msgspec.Meta(ge=1)]


@SPACES.register("nasbench201")
class NASBench201Settings(SpaceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[space]` table of `kind = "nasbench201"`; see `NASBench201` for its keys.

    Example:
        >>> NASBench201Settings(cells=2).build(Shape(1, 28, 28), 10).cells
        2
    """

    channels: Count = 16
    cells: Count = 5
    scoring_cells: Count = 1
    options: Annotated[tuple[Operation, ...], msgspec.Meta(min_length=1)] = (
        "none",
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    )
    merge: bool = True

    def build(self, input_shape: Shape, classes: int) -> NASBench201:
        return NASBench201(
            input_shape,
            classes,
            channels=self.channels,
            cells=self.cells,
            scoring_cells=self.scoring_cells,
            options=self.options,
            merge=self.merge,
        )


@cache
def _reduction(stage: int, width: int) -> Block:
    return Block(f"stage{stage}.reduction", "residual reduction", Reduction(width // 2, width))
