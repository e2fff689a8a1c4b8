"""The separable space: convolution units extract features at constant resolution, pooling units reduce it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coernas_moo.errors import CoernasError, ProblemFileError
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.plan import Chains, NetworkPlan
from coernas_moo.networks.pools import POOLS, Pool
from coernas_moo.networks.units import UNITS
from coernas_moo.registry import Registry
from coernas_moo.spaces.segment import Segment
from coernas_moo.spaces.separable_layout import Layout
from coernas_moo.spaces.separable_text import StageCodes, Vocabulary, from_text, to_text
from coernas_moo.spaces.settings import SPACES, SpaceSettings
from coernas_moo.spaces.space import Genotype, SearchSpace, scoring_shape

T = TypeVar("T")

SMALLEST_SCORING_SIDE = 16
WIDEST = 65536


@SPACES.register("separable")
class SeparableSettings(SpaceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[space]` table of the separable space.

    Args:
        stages: number S of stages, each at its own resolution and width.
        max_depth: most units in a stage; at the default of 3 the deepest network has 12 units.
        base_width: channels of the first stage; stage s = 0, 1, ... has `base_width * 2**s`.
        widths: channels of every stage, instead of `base_width`.
        units: what a conv gene chooses between, names from `UNITS`.
        pools: what a pool gene chooses between, names from `POOLS`.
        width_multipliers: what a width gene chooses between; empty for a space without width genes.
        stem_stride: stride of the stem's 3x3 convolution; 2 makes large images four times cheaper.
        stem_width: channels of the stem; by default those of the first stage.
    """

    stages: int = 4
    max_depth: int = 3
    base_width: int = 16
    widths: tuple[int, ...] = ()
    units: tuple[str, ...] = ("conv3", "conv5", "sep3", "sep5", "bottleneck3", "mb3k3", "mb6k5", "dil3")
    pools: tuple[str, ...] = ("max", "avg", "mix", "l2", "blur")
    width_multipliers: tuple[float, ...] = ()
    stem_stride: int = 1
    stem_width: int | None = None

    def build(self, input_shape: Shape, classes: int) -> SeparableSpace:
        """The space for images of `input_shape` and `classes` classes; raises as `SeparableSpace` does."""
        return SeparableSpace(input_shape, classes, self)

    def stage_widths(self) -> tuple[int, ...]:
        """Channels of every stage before its width multiplier."""
        return self.widths or tuple(self.base_width * 2**stage for stage in range(self.stages))

    def check(self) -> None:
        """Raises `ProblemFileError`, naming the key, where a value is impossible."""
        _check_range("stages", self.stages, 1, 16)
        _check_range("max_depth", self.max_depth, 1, 100)
        _check_range("base_width", self.base_width, 1, WIDEST)
        _check_range("stem_stride", self.stem_stride, 1, 3)
        if self.stem_width is not None:
            _check_range("stem_width", self.stem_width, 1, WIDEST)
        if self.widths and len(self.widths) != self.stages:
            raise ProblemFileError(
                f"space.widths lists {len(self.widths)} widths for {self.stages} stages; give one a stage"
            )
        for width in self.stage_widths():
            _check_range("widths" if self.widths else "base_width * 2**(stages - 1)", width, 1, WIDEST)
        for multiplier in self.width_multipliers:
            if not 0 < multiplier <= 16:
                raise ProblemFileError(f"space.width_multipliers has {multiplier}; each is above 0 and at most 16")
        _entries("units", UNITS, self.units)
        _entries("pools", POOLS, self.pools)


class SeparableSpace(SearchSpace):
    """A stem, S stages of convolution units each closed by a pool, global average pooling, a linear classifier.

    Genes, in order: `conv` (one a unit position, S x max_depth), `pool`, `depth` and, where the settings list
    multipliers, `width` (one a stage each). A width gene scales its stage's channels, rounded to a multiple of
    gcd(8, channels) so that a multiplier of 1 changes nothing and widths divisible by 8 stay so.

    The canonical form sets to code 0 what cannot reach the output: units beyond a stage's depth, and the pool of a
    map that has one position already. Of choices that make the same layer it keeps the first: multipliers that round
    to one width, and pools that agree on a map of at most 2x2 positions (`Pool.whole_map_as`). Units that only
    compute the same function on a map of one position stay apart: those of 3x3 and 5x5 have different parameters, and
    `dil3`, whose outer weights see padding there like those of `conv3`, is a unit of its own everywhere else.

    Args:
        input_shape: of one image.
        classes: number of classes.
        settings: everything else.

    Raises:
        ProblemFileError: settings that make no space.

    Example:
        >>> space = SeparableSpace(Shape(3, 32, 32), 10, SeparableSettings(stages=2, max_depth=2))
        >>> genotype = space.from_text("conv3,sep5:max/mb6k5:avg")
        >>> space.params(genotype), space.decode(genotype)["depth2"]
        (11306, '1')
    """

    def __init__(self, input_shape: Shape, classes: int, settings: SeparableSettings | None = None) -> None:
        self.settings = settings = settings or SeparableSettings()
        settings.check()
        _check_images(input_shape, classes)
        self._units = _entries("units", UNITS, settings.units)
        self._pools = _entries("pools", POOLS, settings.pools)
        stages = range(1, settings.stages + 1)
        depths = range(1, settings.max_depth + 1)
        labels = tuple(f"x{multiplier:g}" for multiplier in settings.width_multipliers)
        segments = [
            Segment("conv", tuple(f"conv{s}.{u}" for s in stages for u in depths), settings.units),
            Segment("pool", tuple(f"pool{s}" for s in stages), settings.pools, "single-point"),
            Segment("depth", tuple(f"depth{s}" for s in stages), tuple(str(d) for d in depths), "single-point"),
        ]
        if labels:
            segments.append(Segment("width", tuple(f"width{s}" for s in stages), labels, "single-point"))
        super().__init__(segments, input_shape, classes)
        self._vocabulary = Vocabulary(settings.stages, settings.max_depth, settings.units, settings.pools, labels)
        self._lay_out()

    def _lay_out(self) -> None:
        """What every genotype shares, worked out once: stem, resolutions, widths, head, and what merges."""
        settings = self.settings
        stage_widths = settings.stage_widths()
        multipliers = settings.width_multipliers or (1.0,)
        widths = tuple(tuple(scaled_width(width, factor) for factor in multipliers) for width in stage_widths)
        self._layout = Layout(
            self.input_shape,
            self.classes,
            stem_width=settings.stem_width or stage_widths[0],
            stem_stride=settings.stem_stride,
            widths=widths,
            max_depth=settings.max_depth,
            units=self._units,
            pools=self._pools,
        )
        self._width_forms = tuple(tuple(map(options.index, options)) for options in widths)
        self._pool_forms = tuple(_pool_forms(self._pools, shape) for shape in self._layout.shapes[:-1])

    def canonical(self, genotype: ArrayLike) -> Genotype:
        stages = self._stages(genotype)
        return self._genotype(
            StageCodes(stage.units, pools[stage.pool], widths[stage.width])
            for stage, pools, widths in zip(stages, self._pool_forms, self._width_forms, strict=True)
        )

    def canonical_rows(self, genotypes: ArrayLike) -> NDArray[np.int64]:
        codes = self.check_rows(genotypes)
        stages = np.arange(self.settings.stages)
        # Views: what is written there is written to the codes.
        conv, pool, depth = (codes[:, self.slices[name]] for name in ("conv", "pool", "depth"))
        conv[(np.arange(self.settings.max_depth) > depth[..., None]).reshape(conv.shape)] = 0
        pool[:] = np.array(self._pool_forms)[stages, pool]
        if self._vocabulary.widths:
            width = codes[:, self.slices["width"]]
            width[:] = np.array(self._width_forms)[stages, width]
        return codes

    def live(self, genotype: ArrayLike) -> NDArray[np.bool_]:
        """All genes but those of units beyond a stage's depth, and of pools of a map that has one position."""
        most = self.settings.max_depth
        units = [position < len(stage.units) for stage in self._stages(genotype) for position in range(most)]
        pools = [not self._layout.one_position(stage) for stage in range(self.settings.stages)]
        return np.array(units + pools + [True] * (len(self.genes) - len(units) - len(pools)), dtype=np.bool_)

    def canonical_size(self) -> int:
        """Product over stages of (unit sequences of length 1 to max_depth) x (distinct pools) x (distinct widths)."""
        sequences = sum(len(self._units) ** depth for depth in range(1, self.settings.max_depth + 1))
        return math.prod(
            sequences * len(set(pools)) * len(set(widths))
            for pools, widths in zip(self._pool_forms, self._width_forms, strict=True)
        )

    def plan(self, genotype: ArrayLike) -> NetworkPlan:
        return NetworkPlan(self.input_shape, self._layout.blocks(self._stages(genotype)))

    def chains(self, genotypes: ArrayLike) -> Chains:
        codes = self.check_rows(genotypes)
        units, pools, depths = (codes[:, self.slices[name]] for name in ("conv", "pool", "depth"))
        widths = codes[:, self.slices["width"]] if self._vocabulary.widths else np.zeros_like(pools)
        units = units.reshape(len(codes), self.settings.stages, self.settings.max_depth)
        return self._layout.chains(units, pools, depths, widths)

    def to_text(self, genotype: ArrayLike) -> str:
        return to_text(self._stages(genotype), self._vocabulary)

    def from_text(self, text: str) -> Genotype:
        return self._genotype(from_text(text, self._vocabulary))

    def reduced(self, size: int | None = None) -> SeparableSpace:
        """The same genes, widths and depths on smaller images, in proportion.

        What is inert here may differ from what is inert there: canonical forms are those of the full space.

        Args:
            size: pixels of the shorter side; by default the smallest at which the last stage still has two positions
                a side (stem stride times 2**S), at least 16. Never more than the images have.

        Raises:
            ProblemFileError: a size below 1.
        """
        if size is None:
            size = max(SMALLEST_SCORING_SIDE, self.settings.stem_stride * 2**self.settings.stages)
        return SeparableSpace(scoring_shape(self.input_shape, size), self.classes, self.settings)

    def _stages(self, genotype: ArrayLike) -> list[StageCodes]:
        """The codes that build the network, stage by stage, units beyond the depth left out."""
        codes = self.check(genotype).tolist()
        stages, most = self.settings.stages, self.settings.max_depth
        pools = codes[stages * most :]
        return [
            StageCodes(
                tuple(codes[s * most : s * most + pools[stages + s] + 1]),
                pools[s],
                pools[2 * stages + s] if self._vocabulary.widths else 0,
            )
            for s in range(stages)
        ]

    def _genotype(self, stages: Iterable[StageCodes]) -> Genotype:
        """The inverse of `_stages`; units beyond the depth have code 0."""
        stages = list(stages)
        most = self.settings.max_depth
        codes = [code for stage in stages for code in (*stage.units, *[0] * (most - len(stage.units)))]
        codes += [stage.pool for stage in stages] + [len(stage.units) - 1 for stage in stages]
        if self._vocabulary.widths:
            codes += [stage.width for stage in stages]
        return np.array(codes, dtype=np.int64)


def scaled_width(width: int, multiplier: float) -> int:
    """`width * multiplier` to the nearest positive multiple of gcd(8, width).

    Example:
        >>> scaled_width(16, 0.5), scaled_width(16, 1.4), scaled_width(12, 1), scaled_width(64, 0.01)
        (8, 24, 12, 8)
    """
    step = math.gcd(8, width)
    return step * max(1, math.floor(width * multiplier / step + 0.5))


def _entries(key: str, registry: Registry[T], names: tuple[str, ...]) -> tuple[T, ...]:
    if not names:
        raise ProblemFileError(f"space.{key} is empty, a segment with no choice; list some of {', '.join(registry)}")
    try:
        return tuple(registry[name] for name in names)
    except CoernasError as error:
        raise ProblemFileError(f"space.{key}: {error}") from None


def _check_range(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ProblemFileError(f"space.{key} is {value}; give {low} to {high}")


def _check_images(shape: Shape, classes: int) -> None:
    if min(shape) < 1:
        raise ProblemFileError(f"images of shape {Shape(*shape)} are empty; channels, height and width are at least 1")
    if classes < 2:
        raise ProblemFileError(f"a classifier needs at least 2 classes, not {classes}")


def _pool_forms(pools: Sequence[Pool], shape: Shape) -> tuple[int, ...]:
    """For each pool the code of the first that computes the same on maps of `shape`."""
    sides = max(shape.height, shape.width)
    if sides == 1:
        return (0,) * len(pools)
    classes = [(pool.whole_map_as or pool.name) if sides == 2 else pool.name for pool in pools]
    return tuple(map(classes.index, classes))
