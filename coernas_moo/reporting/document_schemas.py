"""JSON Schemas of the exported documents, described as their classes describe them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec

from coernas_moo.refinement.document import RefineCandidate, RefineDocument, RefineRung
from coernas_moo.reporting.comparison_document import (
    AlgorithmResult,
    ComparisonDocument,
    ContestResult,
)
from coernas_moo.reporting.exports import FrontDocument, FrontNetwork, FrontObjective


def front_schema() -> dict[str, Any]:
    """JSON Schema of `front.json`."""
    return _schema("coernas front", FrontDocument, FrontNetwork, FrontObjective)


def comparison_schema() -> dict[str, Any]:
    """JSON Schema of `comparison.json`."""
    return _schema("coernas comparison", ComparisonDocument, AlgorithmResult, ContestResult)


def refine_schema() -> dict[str, Any]:
    """JSON Schema of `refine.json`."""
    return _schema("coernas refinement", RefineDocument, RefineRung, RefineCandidate)


def _schema(title: str, document: type[msgspec.Struct], *parts: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a document, with descriptions from the docstrings of its class and its parts."""
    schema: dict[str, Any] = msgspec.json.schema(document)
    for kind in (document, *parts):
        definition = schema["$defs"][kind.__name__]
        summary, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("Args:\n")
        definition["description"] = " ".join(summary.split())
        for names, said in described(arguments):
            for name in names:
                definition["properties"][name]["description"] = said
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def described(text: str) -> Iterator[tuple[list[str], str]]:
    """Names and descriptions of the arguments in a docstring.

    Example:
        >>> list(described("    a, b: first\\n        line.\\n    c: last."))
        [(['a', 'b'], 'first line.'), (['c'], 'last.')]
    """
    entries: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("     ") and entries:
            entries[-1].append(line.strip())
        elif line.strip():
            entries.append([line.strip()])
    for entry in entries:
        names, _, said = " ".join(entry).partition(": ")
        yield names.split(", "), said
