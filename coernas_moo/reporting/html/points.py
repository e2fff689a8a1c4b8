"""Everything a run evaluated, as columns: objectives, costs, proxies of every network, and which are on the front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from coernas_moo.objectives import OBJECTIVES
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.html.numbers import shorts
from coernas_moo.search.run import Run

AxisRole = Literal["objective", "cost", "proxy", "order"]


class Axis(msgspec.Struct, frozen=True):
    """What a plot can have along an axis.

    Args:
        name: of the objective, cost or proxy; `evaluation` for the order of evaluation.
        label: short, for headings and hovering.
        title: long, for axes.
        unit: may be empty.
        direction: `min`, `max`, or empty where neither is better.
        role: what it is to the run.
        values: one a network, null where not known.
    """

    name: str
    label: str
    title: str
    unit: str
    direction: Literal["min", "max", ""]
    role: AxisRole
    values: list[float | None]


class Points(msgspec.Struct, frozen=True):
    """The networks of a run that were scored, in order of evaluation.

    Args:
        genotypes: canonical, as text.
        axes: objectives in the problem's order, other costs, proxies, order of evaluation.
        front: position of each member of the front, best first objective first.
        outside: positions of networks that break a limit.
    """

    genotypes: list[str]
    axes: list[Axis]
    front: list[int]
    outside: list[int]


def points(run: Run) -> Points:
    """The scored networks of a run."""
    archive = run.archive
    texts = [record.text for record in archive if record.scored]
    place = {text: position for position, text in enumerate(texts)}
    # The last constraint is that the candidate could be evaluated at all, which these were.
    broken = (archive.constraint_values(texts)[:, :-1] > 0).any(axis=1)
    return Points(
        texts,
        list(_axes(run, texts)),
        [place[member.text] for member in run.front],
        np.flatnonzero(broken).tolist(),
    )


def _axes(run: Run, texts: list[str]) -> Iterator[Axis]:
    archive = run.archive
    records = [archive[text] for text in texts]
    objectives = [objective.name for objective in archive.objectives]
    for name in objectives:
        values = shorts(archive.value(record, name) for record in records)
        yield _axis(name, "objective", values)
    costs = dict.fromkeys(name for record in records for name in record.costs)
    for name in costs:
        if name not in objectives:
            yield _axis(name, "cost", shorts(record.costs.get(name, np.nan) for record in records))
    proxies = dict.fromkeys(name for record in records for name in record.proxies)
    for name in proxies:
        values = shorts(record.proxies.get(name, np.nan) for record in records)
        yield Axis(name, name, name, "", "max", "proxy", values)
    yield Axis("evaluation", "evaluation", "order of evaluation", "", "", "order", shorts(range(1, len(texts) + 1)))


def _axis(name: str, role: AxisRole, values: list[float | None]) -> Axis:
    # A plugin that is no longer there has left costs in the journal.
    direction = OBJECTIVES[name].direction if name in OBJECTIVES else ""
    return Axis(name, fmt.label(name), fmt.axis_label(name), fmt.unit(name), direction, role, values)
