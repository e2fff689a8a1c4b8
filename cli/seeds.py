"""What a seed may be on the command line."""

from __future__ import annotations

import click

from coernas_moo.seeds import LARGEST_SEED

SEED = click.IntRange(0, LARGEST_SEED)
