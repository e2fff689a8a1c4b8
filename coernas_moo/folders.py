"""What a folder of results holds."""

from __future__ import annotations

from pathlib import Path


def is_comparison(folder: Path) -> bool:
    """Whether `coernas compare` works, or has worked, in a folder: it leaves a problem file, as a run does."""
    return (folder / "searches").is_dir() or (folder / "comparison.json").is_file()
