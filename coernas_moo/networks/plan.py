"""A whole network as data (`NetworkPlan`) and the module it builds (`Network`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from coernas_moo.errors import CoernasError
from coernas_moo.networks.layers import Layer, Shape


@dataclass(frozen=True)
class Block:
    """A named part of the chain that a network is.

    Args:
        name: unique within the network, readable (`stage2.unit1`).
        label: what it is (`inverted bottleneck 3x3`).
        layer: the planned layer.
        observed: whether proxies look at its output (all but the classifier head).
    """

    name: str
    label: str
    layer: Layer
    observed: bool = True
    _at: dict[Shape, tuple[int, Shape]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def params(self) -> int:
        """Trainable parameters."""
        return self.layer.params()

    def macs(self, shape: Shape) -> int:
        """MACs for one input of `shape`."""
        return self._known(shape)[0]

    def out_shape(self, shape: Shape) -> Shape:
        """What inputs of `shape` become."""
        return self._known(shape)[1]

    def _known(self, shape: Shape) -> tuple[int, Shape]:
        # Spaces share their blocks between networks, and nested layers take long to add up.
        if shape not in self._at:
            self._at[shape] = self.layer.macs(shape), self.layer.out_shape(shape)
        return self._at[shape]


@dataclass(frozen=True)
class BlockCost:
    """One row of a network's description."""

    name: str
    label: str
    in_shape: Shape
    out_shape: Shape
    params: int
    macs: int


class Network(nn.Module):
    """A chain of named blocks; `blocks` are the modules whose outputs proxies observe.

    Input (n, channels, height, width), output (n, classes): unnormalised class scores.
    """

    def __init__(self, chain: dict[str, nn.Module], observed: frozenset[str]) -> None:
        super().__init__()
        self.chain = nn.ModuleDict({name.replace(".", "_"): module for name, module in chain.items()})
        self._observed = frozenset(name.replace(".", "_") for name in observed)

    @property
    def blocks(self) -> list[nn.Module]:
        return [module for name, module in self.chain.items() if name in self._observed]

    def forward(self, x: Tensor) -> Tensor:
        for module in self.chain.values():
            x = module(x)
        return x


@dataclass(frozen=True)
class NetworkPlan:
    """Blocks in order, for inputs of `input_shape`; costs in closed form.

    Example:
        >>> from coernas_moo.networks.layers import Conv, GlobalAveragePool, Linear
        >>> plan = NetworkPlan(Shape(3, 8, 8), (
        ...     Block("stem", "conv 3x3", Conv(3, 4, 3)),
        ...     Block("pool", "global average", GlobalAveragePool(), observed=False),
        ...     Block("head", "linear", Linear(4, 10), observed=False)))
        >>> plan.params(), plan.macs()
        (158, 6952)
    """

    input_shape: Shape
    blocks: tuple[Block, ...]

    def placed(self) -> Iterator[tuple[Block, Shape]]:
        """Every block with the shape of its input, in order."""
        shape = self.input_shape
        for block in self.blocks:
            yield block, shape
            shape = block.out_shape(shape)

    def costs(self) -> Iterator[BlockCost]:
        """One row a block: shapes, parameters, MACs for one image."""
        for block, shape in self.placed():
            yield BlockCost(block.name, block.label, shape, block.out_shape(shape), block.params, block.macs(shape))

    def params(self) -> int:
        """Trainable parameters of the whole network."""
        return sum(block.params for block in self.blocks)

    def macs(self) -> int:
        """MACs of convolutions and linear maps for one image."""
        return sum(block.macs(shape) for block, shape in self.placed())

    def operators(self) -> Iterator[tuple[Layer, Shape]]:
        """Every part whose latency is measured by itself, with its input shape, in order."""
        for block, shape in self.placed():
            yield from block.layer.operators(shape)

    def build(self) -> Network:
        """The network, weights not yet set (see `coernas_moo.networks.init.he_init`).

        Raises:
            CoernasError: two blocks have the same name, dots and underscores read alike.
        """
        names = Counter(block.name.replace(".", "_") for block in self.blocks)
        name, count = names.most_common(1)[0] if names else ("", 0)
        if count > 1:
            raise CoernasError(f"{count} blocks of the network are named {name!r}; give every block its own name")
        return Network(
            {block.name: block.layer.build() for block in self.blocks},
            frozenset(block.name for block in self.blocks if block.observed),
        )


@dataclass(frozen=True, eq=False)
class Chains:
    """The plans of many networks, which share their blocks: what a block costs is then worked out once for all.

    Args:
        blocks: each with the shape of its input.
        places: numbers of `blocks`, shape (networks, places), in the order of the chain; -1 where nothing stands.

    Example:
        >>> from coernas_moo.networks.layers import Conv, GlobalAveragePool
        >>> stem = Block("stem", "conv 3x3", Conv(3, 4, 3)), Shape(3, 8, 8)
        >>> pool = Block("pool", "global average", GlobalAveragePool()), Shape(4, 8, 8)
        >>> chains = Chains((stem, pool), np.array([[0, 1], [0, -1]]))
        >>> chains.sums([2.5, 0.5]).tolist()
        [3.0, 2.5]
    """

    blocks: tuple[tuple[Block, Shape], ...]
    places: NDArray[np.int64]

    def each(self, share: Callable[[Block, Shape], float]) -> list[float]:
        """What `share` says of each of `blocks`; 0 for those that stand in no network, of which it is not asked."""
        standing = set(self.places.ravel().tolist())
        return [share(*block) if number in standing else 0 for number, block in enumerate(self.blocks)]

    def sums(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Sums over each network's blocks, first to last, shape (networks,); bit for bit those of a loop.

        Args:
            values: one for each of `blocks`.
        """
        # The last one is where a place of number -1 looks.
        padded = np.array([*values, 0])
        total = np.zeros(len(self.places), dtype=padded.dtype)
        for numbers in self.places.T:
            total += padded[numbers]
        return total.astype(np.float64)
