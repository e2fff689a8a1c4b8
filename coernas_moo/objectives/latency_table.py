"""Latency of a network, estimated as the sum of its operators' latencies from a table measured once a device.

How operators are timed so that the sum is right is the business of `coernas_moo.objectives.operator_latency`.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import msgspec
import torch

from coernas_moo.errors import CoernasError, RunError
from coernas_moo.files import lock_exclusively, write_atomically
from coernas_moo.networks.layers import Layer, Shape
from coernas_moo.networks.plan import Block, NetworkPlan
from coernas_moo.objectives.latency import device_name
from coernas_moo.objectives.operator_latency import Operator, operator_latencies

REMEMBERED = 4096

Size = Annotated[int, msgspec.Meta(ge=1)]


class LatencyTableWarning(UserWarning):
    """A stored latency table could not be read or written; the run goes on without it."""


class MissingLatencyError(CoernasError):
    """An operator of a network has not been measured."""


class _Key(NamedTuple):
    layer: str
    shape: Shape


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layer: str
    shape: tuple[Size, Size, Size]
    ms: Annotated[float, msgspec.Meta(gt=0)]


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    format: Literal[1] = 1
    device: str
    torch: str
    threads: Size
    batch: Size
    entries: tuple[_Entry, ...]


def cache_directory() -> Path:
    """Where tables are kept: `coernas-moo/latency` in `$COERNAS_CACHE`, `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("COERNAS_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "coernas-moo" / "latency"


class LatencyTable:
    """Milliseconds of operators on one processor, at one number of threads, batch size and version of torch.

    Args:
        threads: torch threads, at least 1.
        batch: images a pass, at least 1.
        device: name of the processor; by default this machine's.
        torch_version: by default the one that runs.
        path: file that `save` writes; None for a table that is not kept.

    Example:
        >>> from coernas_moo.networks.layers import Conv
        >>> from coernas_moo.networks.plan import Block
        >>> plan = NetworkPlan(Shape(3, 8, 8), (Block("stem", "conv 3x3", Conv(3, 4, 3)),))
        >>> table = LatencyTable()
        >>> table.measure([plan])
        1
        >>> table.estimate(plan) > 0, table.missing(plan), len(table)
        (True, [], 1)
    """

    def __init__(
        self,
        threads: int = 1,
        batch: int = 1,
        *,
        device: str | None = None,
        torch_version: str | None = None,
        path: Path | None = None,
    ) -> None:
        self.threads = threads
        self.batch = batch
        self.device = device or device_name()
        self.torch_version = torch_version or str(torch.__version__)
        self.path = path
        self._entries: dict[_Key, float] = {}
        self._blocks: dict[tuple[int, Shape], tuple[Layer, float]] = {}

    @classmethod
    def open(cls, threads: int = 1, batch: int = 1, directory: Path | None = None) -> Self:
        """The table kept for this machine, empty where there is none yet.

        A file that cannot be read or belongs to something else gives a `LatencyTableWarning` and an empty table.

        Args:
            threads: torch threads.
            batch: images a pass.
            directory: of the table files; by default `cache_directory()`.
        """
        table = cls(threads, batch)
        name = f"{table.device} {threads} threads batch {batch} torch {table.torch_version}"
        slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        table.path = (directory or cache_directory()) / f"{slug}.json"
        table._entries = table._kept()
        return table

    @classmethod
    def from_snapshot(cls, snapshot: object) -> Self:
        """The table that `snapshot` described; it is not bound to a file.

        Raises:
            CoernasError: it is not a snapshot of a latency table.
        """
        try:
            stored = msgspec.convert(snapshot, _Stored)
        except msgspec.ValidationError as error:
            raise CoernasError(f"not a latency table: {error}; measure the latencies again") from None
        table = cls(stored.threads, stored.batch, device=stored.device, torch_version=stored.torch)
        table._entries = _entries(stored)
        return table

    def snapshot(self) -> dict[str, object]:
        """Everything the table knows, as plain values that JSON can hold; floats come back bit for bit."""
        plain: dict[str, object] = msgspec.to_builtins(self._stored())
        return plain

    def save(self) -> None:
        """Write the table to `path`, together with what another process has put there meanwhile.

        The file is replaced in one step. Where it cannot be written there is a `LatencyTableWarning`.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("a", encoding="utf-8") as lock:
                # Whoever reads and writes meanwhile would lose what the other adds.
                lock_exclusively(lock.fileno(), wait=True)
                self._entries = self._kept() | self._entries
                write_atomically(self.path, msgspec.json.format(msgspec.json.encode(self._stored()), indent=1))
        except (OSError, RunError) as error:
            warnings.warn(
                f"the latency table cannot be kept ({error}); set COERNAS_CACHE to a writable directory",
                LatencyTableWarning,
                stacklevel=2,
            )

    def __len__(self) -> int:
        return len(self._entries)

    def missing(self, plan: NetworkPlan) -> list[Operator]:
        """Operators of `plan` that have not been measured, each once, in order."""
        missing: dict[_Key, Operator] = {}
        for block, shape in plan.placed():
            if (id(block.layer), shape) not in self._blocks:
                missing |= self._missing(block.layer.operators(shape))
        return list(missing.values())

    def measure(self, work: Iterable[NetworkPlan | Operator]) -> int:
        """Measure what is missing of networks or of (layer, input shape) pairs; returns how many entries are new.

        All operators of `work` take turns, also those that are known already: they keep the caches as busy as the
        rest of a network does.

        Raises:
            CoernasError: the table belongs to another processor or version of torch.
        """
        operators: dict[_Key, Operator] = {}
        for item in work:
            for layer, shape in item.operators() if isinstance(item, NetworkPlan) else (item,):
                operators.setdefault(_Key(repr(layer), shape), (layer, shape))
        missing = operators.keys() - self._entries.keys()
        if not missing:
            return 0
        if (self.device, self.torch_version) != (device_name(), torch.__version__):
            raise CoernasError(
                f"this latency table is of {self.device!r} with torch {self.torch_version} and lacks an operator "
                f"that cannot be measured on {device_name()!r} with torch {torch.__version__}; start a new run here"
            )
        times = operator_latencies(list(operators.values()), self.batch, self.threads)
        measured = dict(zip(operators, times, strict=True))
        self._entries |= {key: measured[key] for key in operators if key in missing}
        return len(missing)

    def estimate(self, plan: NetworkPlan) -> float:
        """Milliseconds a batch: the sum over the operators of `plan`, microseconds to compute.

        Raises:
            MissingLatencyError: an operator has not been measured; `measure([plan])` does.
        """
        total = 0.0
        for block, shape in plan.placed():
            total += self.of_block(block, shape)
        return total

    def of_block(self, block: Block, shape: Shape) -> float:
        """Milliseconds of a block for inputs of `shape`; raises as `estimate` does, of which it is a summand."""
        # By identity, because spaces share their layers and hashing nested ones costs more than all the rest;
        # the layer is kept alongside so that its identity is not given to another.
        known = self._blocks.get((id(block.layer), shape))
        if known is None:
            if len(self._blocks) >= REMEMBERED:
                self._blocks.clear()
            known = self._blocks[id(block.layer), shape] = block.layer, self._layer_ms(block.layer, shape)
        return known[1]

    def _layer_ms(self, layer: Layer, shape: Shape) -> float:
        operators = list(layer.operators(shape))
        missing = self._missing(operators)
        if missing:
            first = next(iter(missing))
            raise MissingLatencyError(
                f"the latency table of {self.device!r} has no {first.layer} at {first.shape}; measure the network first"
            )
        return sum(self._entries[_Key(repr(part), at)] for part, at in operators)

    def _missing(self, operators: Iterable[Operator]) -> dict[_Key, Operator]:
        keyed = {_Key(repr(layer), shape): (layer, shape) for layer, shape in operators}
        return {key: operator for key, operator in keyed.items() if key not in self._entries}

    def _stored(self) -> _Stored:
        return _Stored(
            device=self.device,
            torch=self.torch_version,
            threads=self.threads,
            batch=self.batch,
            entries=tuple(
                _Entry(layer, (shape[0], shape[1], shape[2]), ms) for (layer, shape), ms in self._entries.items()
            ),
        )

    def _kept(self) -> dict[_Key, float]:
        """Entries of the file, none where it is absent, broken or of another device."""
        if self.path is None:
            return {}
        try:
            stored = msgspec.json.decode(self.path.read_bytes(), type=_Stored)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._distrust(str(error))
            return {}
        found = (stored.device, stored.torch, stored.threads, stored.batch)
        if found != (self.device, self.torch_version, self.threads, self.batch):
            self._distrust(f"it is of {stored.device!r} with torch {stored.torch}")
            return {}
        return _entries(stored)

    def _distrust(self, reason: str) -> None:
        warnings.warn(
            f"{self.path} is not the latency table of this machine ({reason}); latencies are measured again",
            LatencyTableWarning,
            stacklevel=4,
        )


def _entries(stored: _Stored) -> dict[_Key, float]:
    return {_Key(entry.layer, Shape(*entry.shape)): entry.ms for entry in stored.entries}
