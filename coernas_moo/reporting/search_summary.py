"""What a search ended with, in a few lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from coernas_moo.reporting import format as fmt
from coernas_moo.search.run import Run


def search_lines(run: Run, *, nothing_new: bool = False) -> Iterator[str]:
    """How the search ended, the ranges of the front, and the commands to type next.

    Args:
        run: that ended.
        nothing_new: the run was finished already and resuming it added nothing.
    """
    state, front, path = run.state, run.front, shlex.quote(str(run.directory.path))
    yield ""
    if nothing_new:
        yield (
            f"This run was finished already ({state.reason}); give it more with, for example, "
            f"--generations {2 * max(1, state.generation)}"
        )
    else:
        yield f"Search ended: {state.reason}; {state.evaluations:,} networks evaluated in {fmt.duration(state.seconds)}"
    failures = len(run.archive.failures)
    if failures:
        yield f"Failed: {failures:,} of them, the last {run.archive.failures[-1].failure}"
    if not front:
        yield "Front: empty; no network met the limits, so loosen them or search longer"
        return
    yield f"Front: {len(front)} {'network' if len(front) == 1 else 'networks'}"
    yield from _ranges(run)
    if "score" in run.problem.objectives:
        yield "  (a score estimates where a network stands in the whole space: 1 would be first by every dimension)"
    yield ""
    yield "Next:"
    yield f"  coernas show {path}"
    yield f"  coernas show {path} --pick knee"
    yield f"  coernas front {path} --to png"
    yield f"  coernas report {path}"
    if run.problem.data["kind"] != "noise":
        yield f"  coernas train {path} --pick knee"


def _ranges(run: Run) -> Iterator[str]:
    for objective in run.archive.objectives:
        values = [member.objectives[objective.name] for member in run.front]
        low, high = fmt.value(objective.name, min(values)), fmt.value(objective.name, max(values))
        yield f"  {fmt.label(objective.name):<10} {low}" + (f" to {high}" if low != high else "")
