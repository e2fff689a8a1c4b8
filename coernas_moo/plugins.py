"""A user's own Python files that register units, proxies, objectives, spaces or data sets."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from pathlib import Path

from coernas_moo.errors import ProblemFileError
from coernas_moo.registry import registering


def load_plugins(paths: tuple[str, ...]) -> None:
    """Import Python files that register a user's own units, proxies, objectives, spaces or data sets; each once.

    A file that fails registers nothing, and is imported again the next time. What a file prints goes to stderr.

    Raises:
        ProblemFileError: a file is missing, raises or exits.
    """
    for path in paths:
        name = module_name(path)
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not Path(path).is_file():
            raise ProblemFileError(f"plugins: {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with registering():
                spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if not isinstance(error, Exception | SystemExit):
                raise
            raise ProblemFileError(f"plugins: {path} cannot be imported: {type(error).__name__}: {error}") from error


def contents_of(paths: tuple[str, ...]) -> list[str]:
    """SHA-256 of each file, in hexadecimal digits: what is found with a plugin depends on what is in it."""
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


def module_name(path: str) -> str:
    """The name under which a plugin is imported: readable, and different for different files.

    Example:
        >>> module_name("a-b.py"), module_name("a_b.py")
        ('coernas_plugin_a_b_cd94630e', 'coernas_plugin_a_b_e9ca281f')
    """
    stem = re.sub(r"\W", "_", Path(path).stem)
    return f"coernas_plugin_{stem}_{hashlib.sha256(path.encode()).hexdigest()[:8]}"
