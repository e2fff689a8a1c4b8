"""`coernas schema`: the JSON Schema of problem files."""

from __future__ import annotations

import click

from .output import print_json


@click.command()
def command() -> None:
    """Print the JSON Schema of problem files, for editors that check and complete TOML.

    \b
    Example:
      coernas schema > coernas.schema.json
    """
    from coernas_moo.schema import json_schema

    print_json(json_schema())
