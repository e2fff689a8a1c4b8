"""A user's own Python files that register units, proxies, objectives, spaces or data sets."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

from coernas_moo.errors import ProblemFileError


def load_plugins(paths: tuple[str, ...]) -> None:
    """Import Python files that register a user's own units, proxies, objectives, spaces or data sets; each once.

    Raises:
        ProblemFileError: a file is missing or raises.
    """
    for path in paths:
        name = "coernas_plugin_" + re.sub(r"\W", "_", path)
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not Path(path).is_file():
            raise ProblemFileError(f"plugins: {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise ProblemFileError(f"plugins: {path} cannot be imported: {type(error).__name__}: {error}") from error
