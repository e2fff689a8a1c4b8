"""Modules written as Python from what they are: torch's own by their arguments, a user's by copying the class.

For layers nobody has said how to write. What comes of it is a guess that the check after an export confirms or refutes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Set
from types import FunctionType, ModuleType
from typing import Any

from torch import Tensor, nn

from coernas_moo.errors import ExportError
from coernas_moo.export.source.text import RESERVED, call, sequential

_AT_HAND = {"torch": "torch", "torch.nn": "nn", "torch.nn.functional": "F"}
_PLAIN = (bool, int, float, str, type(None))
_SIMPLE = (*_PLAIN, tuple, list)


class Copied:
    """Classes, functions and constants that were copied, and the imports they need."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.names: dict[str, object] = {}
        self.imports: set[str] = set()


def module_expression(module: nn.Module, layer: object, copied: Copied, taken: Set[str] = frozenset()) -> str:
    """Python that constructs a module like `module`, which `layer` built.

    Args:
        module: of torch, or of a class whose source can be read.
        layer: arguments that the module did not keep are taken from its attributes of the same names.
        copied: gets the classes that have to be copied.
        taken: names of classes that are there already.

    Raises:
        ExportError: the module cannot be written.

    Example:
        >>> module_expression(nn.Conv2d(3, 8, 3, padding=1, bias=False), None, Copied())
        'nn.Conv2d(3, 8, 3, padding=1, bias=False)'
        >>> module_expression(nn.Sequential(nn.Hardswish()), None, Copied())
        'nn.Hardswish()'
    """
    kind = type(module)
    if kind is nn.Sequential:
        return sequential([module_expression(part, layer, copied, taken) for part in module.children()])
    if kind.__module__.startswith("torch.nn.") and getattr(nn, kind.__name__, None) is kind:
        return call(f"nn.{kind.__name__}", _arguments(module, layer, copied, taken))
    _copy(kind, layer, copied, taken)
    return call(kind.__name__, _arguments(module, layer, copied, taken))


def _arguments(module: nn.Module, layer: object, copied: Copied, taken: Set[str]) -> Iterator[str]:
    """Arguments of the constructor: positional ones first, and then only those that are not the default."""
    by_name = False
    for name, parameter in inspect.signature(type(module)).parameters.items():
        if name in {"device", "dtype"} or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        required = parameter.default is parameter.empty
        try:
            value = _simplified(_kept(module, layer, name))
        except AttributeError:
            if required:
                raise _cannot(layer, f"{type(module).__name__} does not keep its argument {name!r}") from None
            by_name = True
            continue
        if not required and value == _simplified(parameter.default):
            by_name = True
            continue
        text = _value(value, layer, copied, taken, name)
        by_name = by_name or parameter.kind is parameter.KEYWORD_ONLY or not required
        yield f"{name}={text}" if by_name else text


def _kept(module: nn.Module, layer: object, name: str) -> object:
    for holder in (module, layer):
        if hasattr(holder, name):
            value = getattr(holder, name)
            # torch's layers say by a parameter's presence what their argument said by a bool.
            if name == "bias" and not isinstance(value, bool):
                return value is not None
            return value
    raise AttributeError(name)


def _simplified(value: object) -> object:
    """One number for equal sides: `(3, 3)` is written `3`."""
    if isinstance(value, tuple) and len(value) > 1 and all(side == value[0] for side in value):
        return value[0]
    return value


def _value(value: object, layer: object, copied: Copied, taken: Set[str], name: str) -> str:
    if isinstance(value, nn.Module):
        return module_expression(value, layer, copied, taken)
    if isinstance(value, _PLAIN) or (isinstance(value, tuple | list) and all(isinstance(v, _PLAIN) for v in value)):
        return repr(value)
    raise _cannot(layer, f"its argument {name!r} is a {type(value).__name__}")


def _copy(thing: Any, layer: object, copied: Copied, taken: Set[str]) -> None:
    """Copy the source of a class or function, after what it refers to."""
    name = thing.__name__
    if copied.names.get(name) is thing:
        return
    if name in copied.names or name in taken or name in RESERVED:
        raise _cannot(layer, f"another class is named {name!r} there")
    if thing.__module__.split(".")[0] == "coernas_moo":
        raise _cannot(layer, f"it uses {name} of coernas_moo")
    try:
        source = textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        raise _cannot(layer, f"the source of {name} cannot be read") from None
    copied.names[name] = thing
    surroundings = inspect.getmodule(thing)
    _copy_what_it_needs(source, vars(surroundings) if surroundings else {}, layer, copied, taken)
    copied.texts.append(source.strip())


def _copy_what_it_needs(
    source: str, known: Mapping[str, object], layer: object, copied: Copied, taken: Set[str]
) -> None:
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    for name in sorted(names & known.keys()):
        value = known[name]
        if isinstance(value, ModuleType):
            if _AT_HAND.get(value.__name__) != name:
                copied.imports.add(_import_of(value.__name__, name))
        elif value is Tensor or copied.names.get(name) is value:
            continue
        elif isinstance(value, type | FunctionType):
            if _is_of_the_user(value, known):
                _copy(value, layer, copied, taken)
            elif value.__module__.split(".")[0] == "coernas_moo":
                raise _cannot(layer, f"it uses {name} of coernas_moo")
            elif value.__module__ != "builtins":
                copied.imports.add(f"from {value.__module__} import {value.__name__}{_as(value.__name__, name)}")
        elif isinstance(value, _SIMPLE):
            copied.names[name] = value
            copied.texts.append(f"{name} = {value!r}")
        else:
            raise _cannot(layer, f"it uses {name}, a {type(value).__name__}")


def _is_of_the_user(value: type | FunctionType, known: Mapping[str, object]) -> bool:
    return value.__module__ == known.get("__name__")


def _import_of(module: str, name: str) -> str:
    return f"import {module}{_as(module, name)}"


def _as(name: str, alias: str) -> str:
    return "" if name == alias else f" as {alias}"


def _cannot(layer: object, reason: str) -> ExportError:
    return ExportError(
        f"the layer {layer!r} cannot be written as Python: {reason}; say how with "
        f"coernas_moo.export.layer_source, or export to .onnx or .pt2"
    )
