"""The problem file's JSON Schema, for editors."""

from __future__ import annotations

from typing import Any

import msgspec

from coernas_moo.config import ProblemFile
from coernas_moo.datasets import DATASETS
from coernas_moo.registry import Registry
from coernas_moo.spaces import SPACES


def json_schema() -> dict[str, Any]:
    """JSON Schema of problem files, with one alternative for each registered kind of data and space.

    What a plugin of a problem registers is not among them, unless it has been imported.
    """
    schema: dict[str, Any] = msgspec.json.schema(ProblemFile)
    definitions = schema["$defs"]
    registries: tuple[tuple[str, Registry[Any]], ...] = (("data", DATASETS), ("space", SPACES))
    for section, registry in registries:
        kinds = []
        for kind in registry:
            own = msgspec.json.schema(registry[kind])
            definitions.update(own["$defs"])
            body = definitions[registry[kind].__name__]
            body["properties"] = {"kind": {"const": kind}, **body["properties"]}
            body["required"] = ["kind", *body.get("required", ())]
            kinds.append({"$ref": f"#/$defs/{registry[kind].__name__}"})
        definitions["ProblemFile"]["properties"][section] = {"oneOf": kinds}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "coernas problem file", **schema}
