"""Which members of a front are the best, the knee, the fastest, the smallest."""

from __future__ import annotations

from coernas_moo.search.run import PICKS, Run


def picks(run: Run) -> dict[str, int]:
    """Name of each pick to the number of its network in the front; of a front of one network only `best`."""
    front = run.front
    names = PICKS if len(front) > 1 else PICKS[: len(front)]
    return {name: run.pick(name).number for name in names}


def marks(run: Run) -> dict[int, str]:
    """Number of a network to what it is picked as, where it is (`{1: "best", 7: "fastest, smallest"}`)."""
    found: dict[int, list[str]] = {}
    for name, number in picks(run).items():
        found.setdefault(number, []).append(name)
    return {number: ", ".join(names) for number, names in found.items()}
