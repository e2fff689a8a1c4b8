"""Candidates that are evaluated together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coernas_moo.evaluation.record import Record
from coernas_moo.spaces import Genotype

OnRecord = Callable[[Record], bool]
"""Called with every record as it is made; returns False to stop evaluating."""


@dataclass
class Batch:
    """Genotypes that an evaluator has begun to evaluate.

    Args:
        genotypes: canonical, no two alike.
        on_record: called with every record as it is made.
        records: in the same order, None while there is none.
        costs: in closed form, in the same order.
        left: records that workers have still to make.
        stopped: whether `on_record` has said so.
    """

    genotypes: Sequence[Genotype]
    on_record: OnRecord | None
    records: list[Record | None]
    costs: list[dict[str, float]] = field(default_factory=list)
    left: int = 0
    stopped: bool = False

    def told(self, record: Record) -> None:
        """Pass a record on."""
        if self.on_record is not None and not self.on_record(record):
            self.stopped = True


class AtOnce(ABC):
    """Base of evaluators that need no workers: a batch is evaluated when it is asked for."""

    overlaps = False

    def begin(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> Batch:
        """Nothing but note what is to be evaluated."""
        return Batch(genotypes, on_record, [])

    def finish(self, batch: Batch) -> list[Record | None]:
        """Records of the batch, in its order; None for those not reached before a stop."""
        return self.evaluate(batch.genotypes, batch.on_record)

    def start(self) -> None:  # noqa: B027 - nothing to do is what most of them have to do
        """There is nothing to get ready."""

    def hand_out(self) -> None:  # noqa: B027
        """There are no workers to keep busy."""

    @abstractmethod
    def evaluate(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> list[Record | None]:
        """Records of canonical genotypes, in their order; None for those not reached before a stop."""
