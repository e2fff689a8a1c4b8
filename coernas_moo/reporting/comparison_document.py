"""`comparison.json`: a comparison as plain data with a schema, written and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import msgspec

from coernas_moo.documents import read_json

FORMAT = "coernas-comparison-1"
"""Name and version of the JSON document: the version changes when a key changes its meaning or goes."""

Front = list[list[float]]
"""Points (n, objectives), to be minimised."""


class ContestResult(msgspec.Struct, frozen=True):
    """The first algorithm against another.

    Args:
        rival: the other.
        p: of Wilcoxon's signed-rank test on the final hypervolumes, after Holm's correction.
        effect: Vargha and Delaney's A12, above one half where the first is better.
        outcome: of the first; `open` where there are too few seeds to tell.
    """

    rival: str
    p: float
    effect: float
    outcome: Literal["won", "lost", "tied", "open"]


class AlgorithmResult(msgspec.Struct, frozen=True):
    """One algorithm, one value a seed.

    Args:
        hypervolume: share of the reference hypervolume at the end.
        igd_plus: of the final front to the reference front, null where no network met the limits.
        evaluations_to: share of the reference hypervolume (`0.95`) to evaluations, null where it was never reached.
        best: value of the first objective, in its own direction, null where no network met the limits.
        seconds: of the search, processor time without that of workers.
        fronts: final fronts; absent in files of earlier versions.
    """

    hypervolume: list[float]
    igd_plus: list[float | None]
    evaluations_to: dict[str, list[float | None]]
    best: list[float | None]
    seconds: list[float]
    fronts: list[Front] = []


class ComparisonDocument(msgspec.Struct, frozen=True):
    """The JSON export of a comparison.

    Args:
        format: `coernas-comparison-1`.
        problem: the problem's name.
        objectives: judged by; all to be minimised, scores with their sign turned.
        seeds: searches an algorithm.
        evaluations: budget of a search.
        exact: whether the reference is the true front, by enumeration, or the best that all searches found.
        verdict: one sentence on the first algorithm.
        contests: of the first algorithm, one for each of the others.
        ranks: Friedman's mean rank by algorithm, 1 is best.
        algorithms: by name, the first is the one that is held against the others.
        reference: the reference front; absent in files of earlier versions.
        versions: of packages, of when the file was written; absent in files of earlier versions.
        as_searched: judged by the objectives that were searched, although a table knows the true error.
        ideal, nadir: of the reference front; objectives are scaled by them. Absent in files of earlier versions.
        reference_hypervolume: of the reference front, objectives scaled, reference point 1 in each; null in files of
            earlier versions.
    """

    format: str
    problem: str
    objectives: list[str]
    seeds: int
    evaluations: int
    exact: bool
    verdict: str
    contests: list[ContestResult]
    ranks: dict[str, float]
    algorithms: dict[str, AlgorithmResult]
    reference: Front = []
    versions: dict[str, str] = {}
    as_searched: bool = False
    ideal: list[float] = []
    nadir: list[float] = []
    reference_hypervolume: float | None = None


def read_comparison(path: Path) -> ComparisonDocument:
    """Read `comparison.json` back.

    Raises:
        RunError: the file is missing, or not such a document.
    """
    return read_json(path, ComparisonDocument, "an exported comparison", written_as=FORMAT)


def encode(document: ComparisonDocument) -> str:
    """The document as text; a seed's values stay in one line."""
    return _json(msgspec.to_builtins(document)) + "\n"


def _json(value: object, depth: int = 0) -> str:
    """Indented as far as there are objects, and lists of objects or lists."""
    pad, end = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        body = [f"{json.dumps(key)}: {_json(item, depth + 1)}" for key, item in value.items()]
        return "{" + pad + f",{pad}".join(body) + end + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        # What is nested deeper than a list of lists stays in its line.
        body = [_json(item, depth + 1) if isinstance(item, dict) else json.dumps(item) for item in value]
        return "[" + pad + f",{pad}".join(body) + end + "]"
    return json.dumps(value, allow_nan=False)


def contest_legend(first: str) -> str:
    """What the columns of contests against the first algorithm are, without a full stop."""
    return (
        f"rank: mean place among the algorithms over the seeds; p: Wilcoxon's signed-rank test against {first}, after "
        f"Holm; A12: how often {first} ends above this one; against it: what {first} did"
    )
