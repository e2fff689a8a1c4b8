"""The schemas of exported documents, held against documents that were exported."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from coernas_moo.refinement.document import RefineDocument, RefineRung
from coernas_moo.reporting.document_schemas import comparison_schema, front_schema, refine_schema
from coernas_moo.reporting.exports import front_json
from coernas_moo.search.run import Run

JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def valid(schema: dict[str, Any], value: Any, definitions: dict[str, Any]) -> bool:
    """Whether a value is of a schema, as far as these schemas use the language."""
    if "$ref" in schema:
        return valid(definitions[schema["$ref"].rpartition("/")[2]], value, definitions)
    if "anyOf" in schema:
        return any(valid(option, value, definitions) for option in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "array":
        return isinstance(value, list) and all(valid(schema["items"], item, definitions) for item in value)
    if kind == "object":
        if not isinstance(value, dict) or not set(schema.get("required", ())) <= set(value):
            return False
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        return all(valid(known.get(key, rest), item, definitions) for key, item in value.items())
    return isinstance(value, JSON_TYPES[kind]) and not (kind != "boolean" and isinstance(value, bool))


def fits(schema: dict[str, Any], value: Any) -> bool:
    return valid(schema, value, schema["$defs"])


@pytest.mark.parametrize("name", ["front_run", "cell_run"])
def test_an_exported_front_fits_its_schema(name: str, request: pytest.FixtureRequest) -> None:
    document = json.loads(front_json(request.getfixturevalue(name)))
    assert fits(front_schema(), document)
    without = {key: value for key, value in document.items() if key != "picks"}
    network = {**document["networks"][0], "codes": ["0"]}
    assert not fits(front_schema(), without)
    assert not fits(front_schema(), {**document, "networks": [network]})
    assert not fits(front_schema(), {**document, "objectives": [{"name": "x", "direction": "up", "unit": ""}]})


def test_every_key_of_the_front_is_described(front_run: Run) -> None:
    definitions = front_schema()["$defs"]
    assert set(json.loads(front_json(front_run))) == set(definitions["FrontDocument"]["properties"])
    assert definitions["FrontNetwork"]["properties"]["costs"]["description"].startswith("name to value, null")


def test_a_comparison_fits_its_schema() -> None:
    document = {
        "format": "coernas-comparison-1",
        "problem": "p",
        "objectives": ["a", "b"],
        "seeds": 1,
        "evaluations": 5,
        "exact": False,
        "verdict": "tied.",
        "contests": [{"rival": "y", "p": 1.0, "effect": 0.5, "outcome": "tied"}],
        "ranks": {"x": 1.5, "y": 1.5},
        "algorithms": {
            "x": {
                "hypervolume": [0.5],
                "igd_plus": [None],
                "evaluations_to": {"0.95": [None]},
                "best": [0.1],
                "seconds": [0.2],
                "fronts": [[[1.0, 2.0]]],
            }
        },
    }
    assert fits(comparison_schema(), document)
    assert not fits(comparison_schema(), {**document, "contests": [{"rival": "y"}]})
    assert not fits(comparison_schema(), {**document, "seeds": "one"})


def test_a_refinement_fits_its_schema() -> None:
    rung = RefineRung(candidates=2, epochs=1)
    document = msgspec.to_builtins(
        RefineDocument(
            name="refined",
            problem="p",
            source="table",
            asked={"candidates": "2"},
            seed=0,
            recipe=None,
            data="cifar10",
            validation_images=None,
            rungs=(rung,),
            planned_seconds=None,
            candidates=(),
        )
    )
    properties = refine_schema()["$defs"]["RefineDocument"]["properties"]
    assert set(document) == set(properties)
    assert all("description" in properties[name] for name in document)
    assert properties["rungs"]["items"]["$ref"].endswith("RefineRung")
