"""The problem files that come with the package; light, so that listing them needs nothing that a search needs."""

from __future__ import annotations

from importlib import resources


def shipped_problems() -> dict[str, str]:
    """Name to TOML text, by name.

    Example:
        >>> "digits" in shipped_problems()
        True
    """
    folder = resources.files("coernas_moo.problems")
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return {item.name.removesuffix(".toml"): item.read_text(encoding="utf-8") for item in files}
