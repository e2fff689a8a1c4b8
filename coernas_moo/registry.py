"""One registry for every kind of extension: proxies, units, pools, spaces, data sets, objectives.

An entry is registered under a unique name by a decorator; third parties either call the decorator
or expose their module through an entry point of the registry's group, which is imported on first use.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from coernas_moo.errors import CoernasError, ExtensionWarning

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind.

    Args:
        kind: what an entry is, in the singular; used in error messages.
        group: entry point group through which other packages add entries.

    Example:
        >>> colours: Registry[int] = Registry("colour")
        >>> colours.add("red", 1)
        1
        >>> colours["red"], colours.names("r*")
        (1, ['red'])
        >>> colours["rod"]
        Traceback (most recent call last):
        ...
        coernas_moo.errors.CoernasError: no colour named 'rod'; did you mean 'red'? Known: red
    """

    _all: ClassVar[WeakSet[Registry[Any]]] = WeakSet()

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._pending_entry_points = group is not None
        Registry._all.add(self)

    def add(self, name: str, entry: T) -> T:
        """Register `entry` under `name`; raises `CoernasError` where the name is taken."""
        if name in self._entries:
            # "a unit", but "an objective": no kind begins with a u that is spoken like one in "under".
            article = "an" if self.kind[0] in "aeio" else "a"
            raise CoernasError(f"{article} {self.kind} named {name!r} is registered already; choose another name")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """The decorator form of `add`."""
        return lambda entry: self.add(name, entry)

    def __getitem__(self, name: str) -> T:
        self._load_entry_points()
        try:
            return self._entries[name]
        except KeyError:
            close = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            known = ", ".join(self._entries)
            raise CoernasError(f"no {self.kind} named {name!r}{hint} Known: {known}") from None

    def __contains__(self, name: object) -> bool:
        self._load_entry_points()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(self._entries)

    def __len__(self) -> int:
        self._load_entry_points()
        return len(self._entries)

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match a shell pattern, in order of registration."""
        return [name for name in self if fnmatchcase(name, pattern)]

    def _load_entry_points(self) -> None:
        if self._pending_entry_points and self.group is not None:
            self._pending_entry_points = False
            for point in entry_points(group=self.group):
                _load(point)


@contextmanager
def registering() -> Iterator[None]:
    """Around code of others that registers entries: where it raises, no registry keeps any of them.

    What it prints goes to stderr, because stdout is for results.
    """
    # Entry points register once in the life of a process: what they add must not be undone with the rest.
    registries = list(Registry._all)
    for registry in registries:
        registry._load_entry_points()
    with _undone_on_error(registries), redirect_stdout(sys.stderr):
        yield


@contextmanager
def _undone_on_error(registries: list[Registry[Any]]) -> Iterator[None]:
    before = [(registry, dict(registry._entries)) for registry in registries]
    try:
        yield
    except BaseException:
        for registry, entries in before:
            registry._entries.clear()
            registry._entries.update(entries)
        raise


def _load(point: EntryPoint) -> None:
    """Import another package's module; one that is broken is left out, since nothing here may need it."""
    try:
        with _undone_on_error(list(Registry._all)), redirect_stdout(sys.stderr):
            point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever another package raises when it is imported
        package = f" of the package {point.dist.name!r}" if point.dist is not None else ""
        warnings.warn(
            f"{point.group}: the entry point {point.name!r}{package} cannot be loaded and is left out: "
            f"{type(error).__name__}: {error}",
            ExtensionWarning,
            stacklevel=2,
        )
