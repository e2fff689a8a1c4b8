"""`coernas schema`: the JSON Schemas of problem files and of exported documents."""

from __future__ import annotations

import click

from .output import print_json

DOCUMENTS = ("problem", "front", "comparison", "refinement")


@click.command()
@click.argument("document", type=click.Choice(DOCUMENTS), default="problem")
def command(document: str) -> None:
    """Print the JSON Schema of DOCUMENT.

    problem: problem files, for editors that check and complete TOML (default).
    front: front.json, the export of a run. comparison: comparison.json, what coernas compare leaves.
    refinement: refine.json, what coernas refine leaves.

    \b
    Examples:
      coernas schema > coernas.schema.json
      coernas schema front
    """
    if document == "problem":
        from coernas_moo.schema import json_schema

        print_json(json_schema())
        return
    from coernas_moo.reporting.document_schemas import comparison_schema, front_schema, refine_schema

    schemas = {"front": front_schema, "comparison": comparison_schema, "refinement": refine_schema}
    print_json(schemas[document]())
