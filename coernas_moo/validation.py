"""From a table to settings: msgspec checks, and what it finds is said in the words of a problem file."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from coernas_moo.errors import ProblemFileError

S = TypeVar("S")


def convert(value: object, kind: type[S], section: str) -> S:
    """The table `value` as settings of class `kind`.

    Args:
        value: as `tomllib` reads it.
        kind: a msgspec struct.
        section: where the table stands in the problem file; empty for the whole file.

    Raises:
        ProblemFileError: names the key, what was expected, and what was found.

    Example:
        >>> from coernas_moo.config import SearchSettings
        >>> convert({"preset": 6}, SearchSettings, "search")
        Traceback (most recent call last):
        ...
        coernas_moo.errors.ProblemFileError: search.preset: expected int from 1 to 5, got 6
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").strip(".")
        if path.endswith("[...]"):
            path = _with_key(value, kind, path)
        key = ".".join(part for part in (section, path) if part)
        message = _in_our_words(message, _at(inspect.type_info(kind), value, path))
        raise ProblemFileError(f"{key}: {message}" if key else message) from None


class _Place(NamedTuple):
    """A place in the table: the types that may stand there, and what does."""

    expected: tuple[inspect.Type, ...]
    found: Any


def _in_our_words(message: str, place: _Place | None) -> str:
    expected = place.expected if place else ()
    unknown = re.search(r"unknown field `(.+?)`", message)
    if unknown:
        known = [
            field.encode_name for kind in expected if isinstance(kind, inspect.StructType) for field in kind.fields
        ]
        hint = f"known keys: {', '.join(known)}" if known else "this kind takes no settings"
        return f"unknown key {unknown[1]!r}; {hint}"
    missing = re.search(r"missing required field `(.+?)`", message)
    if missing:
        return f"missing key {missing[1]!r}"
    choices = [str(value) for kind in expected if isinstance(kind, inspect.LiteralType) for value in kind.values]
    if choices and message.lower().startswith("invalid enum value"):
        return f"expected one of {', '.join(choices)}, got {place.found!r}" if place else message
    message = re.sub(r"\bobject\b", "table", message[0].lower() + message[1:].replace("`", ""))
    outside = re.fullmatch(r"(expected (?:int|float)) [<>]=? .*", message)
    if outside and place:
        spans = [span for kind in expected if (span := _span(kind))]
        return f"{f'{outside[1]} {spans[0]}' if spans else message}, got {place.found}"
    return message


def _span(kind: inspect.Type) -> str:
    """`from 1 to 5`, of a number that is bounded on both sides."""
    if not isinstance(kind, inspect.IntType | inspect.FloatType) or kind.ge is None or kind.le is None:
        return ""
    # msgspec gives whole bounds of floats as floats.
    low, high = (
        int(bound) if float(bound).is_integer() and abs(bound) < 2**53 else bound for bound in (kind.ge, kind.le)
    )
    return f"from {low} to {high}"


def _alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _at(kind: inspect.Type, value: Any, path: str) -> _Place | None:
    """What is at a path such as `search.mutation.conv` or `size[0]`; None where the path cannot be followed."""
    expected = _alternatives(kind)
    for step in re.findall(r"[^.\[\]]+", path):
        inner = [found for option in expected if (found := _inside(option, step)) is not None]
        expected = tuple(option for found in inner for option in _alternatives(found))
        try:
            value = value[int(step)] if isinstance(value, list | tuple) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            # A key of a free table may hold dots itself.
            return None
    return _Place(expected, value)


def _inside(kind: inspect.Type, step: str) -> inspect.Type | None:
    if isinstance(kind, inspect.StructType):
        return next((field.type for field in kind.fields if field.encode_name == step), None)
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return kind.item_type
    return None


def _with_key(value: Any, kind: type[Any], path: str) -> str:
    """The path of a value in a free table, `search.mutation[...]` to msgspec, with the key instead of the dots."""
    *outer, last = path.removesuffix("[...]").split(".")
    for part in outer:
        value = value[part]
    for key in value[last]:
        alone: Any = {last: {key: value[last][key]}}
        for part in reversed(outer):
            alone = {part: alone}
        try:
            msgspec.convert(alone, kind, strict=True)
        except msgspec.ValidationError as error:
            if str(error).endswith(f"$.{path}`"):
                return f"{path.removesuffix('[...]')}.{key}"
    return path
