"""What `coernas show --json` prints: a run, or one network of its front, as plain values."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from coernas_moo.reporting.architecture_text import python_lines
from coernas_moo.reporting.exports import front_document
from coernas_moo.reporting.marks import marks
from coernas_moo.search.run import Run


def run_document(run: Run) -> dict[str, Any]:
    """The run with its front.

    Keys: `run` (directory), `status`, `reason`, `generations`, `evaluations`, `seconds`, `data` (`kind`, `shape`,
    `classes`), `versions`, `failures` (reason to count), and those of the exported front (`FrontDocument`).
    """
    state = run.state
    return {
        "run": str(run.directory.path),
        "status": state.status,
        "reason": state.reason,
        "generations": state.generation,
        "evaluations": run.archive.evaluations,
        "seconds": state.seconds,
        "data": {"kind": run.problem.data["kind"], "shape": list(state.shape), "classes": list(state.classes)},
        "versions": dict(state.versions),
        "failures": dict(Counter(record.failure for record in run.archive.failures).most_common()),
        **msgspec.to_builtins(front_document(run)),
    }


def member_document(run: Run, which: str) -> dict[str, Any]:
    """One network with its blocks.

    Keys: `run`, `picked_as` (a list), those of `FrontNetwork`, `params`, `macs`, `blocks` (each `name`, `label`,
    `input`, `output`, `params`, `macs`), `python` (the lines that build it).

    Raises:
        RunError: there is no such pick.
    """
    member = run.pick(which)
    plan = run.plan(member)
    named = marks(run).get(member.number)
    return {
        "run": str(run.directory.path),
        "picked_as": named.split(", ") if named else [],
        **msgspec.to_builtins(front_document(run).networks[member.number - 1]),
        "params": plan.params(),
        "macs": plan.macs(),
        "blocks": [
            {
                "name": cost.name,
                "label": cost.label,
                "input": list(cost.in_shape),
                "output": list(cost.out_shape),
                "params": cost.params,
                "macs": cost.macs,
            }
            for cost in plan.costs()
        ],
        "python": python_lines(run, which),
    }
