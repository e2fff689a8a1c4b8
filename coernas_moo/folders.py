"""What a folder of results holds."""

from __future__ import annotations

from pathlib import Path

SEARCHES, COMPARISON = "searches", "comparison.json"
"""What `coernas compare` leaves: the searches, and what they came to."""


def is_comparison(folder: Path) -> bool:
    """Whether `coernas compare` works, or has worked, in a folder: it leaves a problem file, as a run does."""
    return (folder / SEARCHES).is_dir() or (folder / COMPARISON).is_file()
