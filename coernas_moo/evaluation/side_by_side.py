"""Several searches side by side, a process each, that ask one evaluator: no network is evaluated for two of them.

The processes have neither workers nor a journal. What they want evaluated goes over a pipe to their parent, which owns
both; it answers when all of a batch is known, whoever asked for it first.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any, Generic, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from coernas_moo.errors import CoernasError
from coernas_moo.evaluation.batch import Batch, OnRecord
from coernas_moo.evaluation.child_process import ChildProcess, settle, start_context
from coernas_moo.evaluation.costs import ClosedFormCosts
from coernas_moo.evaluation.evaluator import Evaluator
from coernas_moo.evaluation.record import Record
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.spaces import Genotype

Item = TypeVar("Item")
Value = TypeVar("Value")
Given = TypeVar("Given", contravariant=True)
Made = TypeVar("Made", covariant=True)


class Asking:
    """The evaluator of a process that has none of its own: it asks the parent's.

    Args:
        connection: to the parent.
        costs: of this process; operators that its latency table lacks are measured by the parent.
    """

    overlaps = True

    def __init__(self, connection: Connection, costs: ClosedFormCosts) -> None:
        self._connection = connection
        self.costs = costs
        costs.measured_by = self._measured

    def begin(self, genotypes: Sequence[Genotype], on_record: OnRecord | None = None) -> Batch:
        """Have distinct canonical genotypes evaluated; `on_record` is not called."""
        self._connection.send(_Begin(genotypes))
        return Batch(genotypes, on_record, [None] * len(genotypes))

    def hand_out(self) -> None:
        """The parent feeds the workers."""

    def finish(self, batch: Batch) -> list[Record | None]:
        """Records of a batch, in its order; the batch is the first of those that are begun and not finished."""
        self._connection.send(_Finish())
        records: list[Record | None] = self._connection.recv()
        return records

    def _measured(self, plans: Sequence[NetworkPlan]) -> object:
        self._connection.send(_Measure(plans))
        return self._connection.recv()


class Task(Protocol[Given, Made]):
    """What the processes do; sent to each of them once."""

    def costs(self) -> ClosedFormCosts:
        """Closed-form costs; a process opens them before its first item."""

    def __call__(self, item: Given, evaluator: Asking) -> Made:
        """Do one item."""


def side_by_side(
    task: Task[Item, Value], items: Sequence[Item], evaluator: Evaluator, processes: int
) -> Generator[Value, None, None]:
    """Yield what a task makes of items as they are done, so many of them at a time; closing ends the processes.

    Args:
        task: where it does not depend on how long anything takes, its values are the same with any number of processes.
        items: given to processes in this order.
        evaluator: whose batches may overlap.
        processes: at most so many, beside the evaluator's workers.

    Raises:
        CoernasError: a process ended before it was done; or whatever the task raises.
    """
    waiting = deque(items)
    evaluator.start()
    askers: list[_Asker[Item, Value]] = []
    try:
        while waiting and len(askers) < processes:
            askers.append(_Asker(start_context(), task, evaluator, [asker.connection for asker in askers]))
            askers[-1].give(waiting.popleft())
        busy = {asker.connection: asker for asker in askers}
        while busy:
            for connection in evaluator.attend(list(busy)):
                done = busy[connection].hear()
                if done is None:
                    continue
                if waiting:
                    busy[connection].give(waiting.popleft())
                else:
                    del busy[connection]
                yield done.value
            for asker in busy.values():
                asker.answer()
    finally:
        for asker in askers:
            asker.kill()


@dataclass(frozen=True)
class _Begin:
    """Begin to evaluate these."""

    genotypes: Sequence[Genotype]


@dataclass(frozen=True)
class _Finish:
    """The records of the batch that was begun first are waited for."""


@dataclass(frozen=True)
class _Measure:
    """The latency table lacks operators of these."""

    plans: Sequence[NetworkPlan]


@dataclass(frozen=True)
class _Done(Generic[Value]):
    """The item is done."""

    value: Value


@dataclass(frozen=True)
class _Failed:
    """The task has raised this."""

    error: Exception


class _Asker(ChildProcess, Generic[Item, Value]):
    """A process that asks, as its parent sees it; it is sent something only where it waits for that."""

    def __init__(
        self, context: BaseContext, task: Task[Item, Value], evaluator: Evaluator, inherited: Sequence[Connection]
    ) -> None:
        super().__init__(context, _serve, task, inherited=inherited)
        self._evaluator = evaluator
        self._item: Item | None = None
        self._begun: deque[Batch] = deque()
        self._waits = False

    def give(self, item: Item) -> None:
        self._item = item
        self.connection.send(item)

    def hear(self) -> _Done[Value] | None:
        """Do what it asks for; what its item has come to, where that is what it says."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            raise CoernasError(
                f"the process at {self._item} ended before its time ({self.cause_of_death()}); call again to go on"
            ) from None
        match message:
            case _Begin(genotypes):
                self._begun.append(self._evaluator.begin(genotypes))
            case _Finish():
                self._waits = True
            case _Measure(plans):
                self.connection.send(self._evaluator.costs.measure(plans))
            case _Failed(error):
                raise error
            case _Done():
                self._begun.clear()
                return message
        return None

    def answer(self) -> None:
        """Send the records that it waits for, where all of them are there."""
        if self._waits and not self._begun[0].left:
            self._waits = False
            self.connection.send(self._evaluator.finish(self._begun.popleft()))


def _serve(connection: Connection, task: Task[Any, Any], parent: int, inherited: list[Connection]) -> None:
    """A process's life: receive an item, do it, say what it has come to; ends with its parent."""
    settle(parent, inherited)
    with threadpool_limits(1, user_api="blas"):
        try:
            evaluator = Asking(connection, task.costs())
            while True:
                connection.send(_Done(task(connection.recv(), evaluator)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 - raised again by the parent
            error.add_note(traceback.format_exc())
            connection.send(_Failed(error))
