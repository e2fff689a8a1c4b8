"""The blocks of a network as a drawing shows them: equal ones that follow each other are one."""

from __future__ import annotations

from dataclasses import dataclass

from coernas_moo.networks.layers import Keeps, Shape
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.reporting.architecture_text import stage_of


@dataclass(frozen=True)
class Row:
    """A block of the picture, standing for `times` equal ones that follow each other."""

    stage: str
    label: str
    kind: str
    shape: Shape
    params: int
    macs: int
    times: int = 1

    @property
    def text(self) -> str:
        """What its box says."""
        return f"{self.times} × {self.label}" if self.times > 1 else self.label


def rows(plan: NetworkPlan) -> list[Row]:
    """The blocks in order; equal ones in a row are one row, costs added up."""
    found: list[Row] = []
    for cost, block in zip(plan.costs(), plan.blocks, strict=True):
        stage = stage_of(cost.name) if "." in cost.name else ""
        kind = "unit" if cost.params else "pool"
        kind = kind if block.observed else "head"
        last = found[-1] if found else None
        same = last is not None and (last.stage, last.label, last.shape) == (stage, cost.label, cost.out_shape)
        if last is not None and same and not isinstance(block.layer, Keeps):
            found[-1] = Row(
                stage, last.label, kind, last.shape, last.params + cost.params, last.macs + cost.macs, last.times + 1
            )
        else:
            found.append(Row(stage, cost.label, kind, cost.out_shape, cost.params, cost.macs))
    return found
