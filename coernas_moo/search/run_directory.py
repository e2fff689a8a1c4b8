"""A run's directory: what lies where, who may write, what a resumed run must agree with."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from coernas_moo.config import ProblemFile, parse_problem
from coernas_moo.datasets import DatasetInfo
from coernas_moo.errors import RunError
from coernas_moo.files import held_by_one, make_folder, write_atomically
from coernas_moo.folders import is_comparison

BUDGET_KEYS = ("search.generations", "search.evaluations", "search.seconds")
"""Keys that may change when a run is resumed, besides everything in `[evaluation]` and `[train]`."""

MODELS = "models"
"""Folder of the models that were trained in a run's directory."""

IMAGE_KEYS = ("data.path", "data.images")
"""Keys that may change when the images are no longer where they were."""

FREE = ("evaluation.", "train.", "data.ordinal")


@dataclass(frozen=True)
class State:
    """How far a run has come; `state.json`.

    Args:
        status: `running`, `finished`, `interrupted` or `failed`.
        reason: why it ended, in words.
        generation, evaluations: done so far.
        seconds: wall time so far, over all resumptions.
        shape: of one image (channels, height, width).
        classes: class names.
        versions: of coernas-moo, Python, torch, pymoo, numpy.
        evaluating_seconds: time in which workers were at work, since the run was begun or last resumed.
        first_population: networks in it that were built or failed, see `Archive`; None before it is done.
    """

    status: str
    reason: str
    generation: int
    evaluations: int
    seconds: float
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    versions: Mapping[str, str]
    evaluating_seconds: float = 0.0
    first_population: int | None = None


class RunDirectory:
    """Paths of a run and the rules for writing there."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def problem(self) -> Path:
        """The resolved problem file."""
        return self.path / "problem.toml"

    @property
    def journal(self) -> Path:
        """Every evaluation."""
        return self.path / "journal.sqlite"

    @property
    def latency_table(self) -> Path:
        """The latency table the run estimates with."""
        return self.path / "latency.json"

    @property
    def history(self) -> Path:
        """One row a generation."""
        return self.path / "history.csv"

    @property
    def front(self) -> Path:
        """The front without suffix; exports add `.csv`, `.json`, ..."""
        return self.path / "front"

    def exists(self) -> bool:
        """Whether a run is here."""
        return self.problem.is_file()

    def create(self, problem: ProblemFile) -> None:
        """Make the directory of a new run.

        Raises:
            RunError: something is there already, or it cannot be made.
        """
        make_folder(self.path)
        self.require_empty()
        self.write_problem(problem)

    def require_empty(self) -> None:
        """Check that nothing is here but trained models, and what a run leaves that was killed while it was being made.

        Raises:
            RunError: something else is here, or it cannot be looked at.
        """
        try:
            names = {item.name for item in self.path.iterdir()} if self.path.exists() else set()
        except OSError as error:
            raise RunError(f"{self.path}: cannot be a run's directory: {error.strerror}; give another --out") from None
        if "problem.toml" in names:
            raise RunError(f"{self.path}: a run is here; add --resume to continue it, or give another --out")
        names = {name for name in names if not (name.startswith(".problem.toml.") and name.endswith(".part"))}
        if names - {"lock", MODELS}:
            raise RunError(f"{self.path}: not empty and not a run; give another --out")

    def forget(self) -> None:
        """Remove the run, but not the models that were trained in its directory.

        Raises:
            RunError: another process is at work here, or a file cannot be removed.
        """
        with self.lock():
            journals = [self.journal.with_name(self.journal.name + end) for end in ("", "-wal", "-shm")]
            fronts = sorted(self.path.glob(f"{self.front.name}.*"))
            # The problem file is what makes the directory a run's: a process killed before it is gone leaves a run.
            for path in (*journals, *fronts, self.latency_table, self.history, self.path / "state.json", self.problem):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise RunError(f"{path}: cannot be removed: {error.strerror}") from None

    def write_problem(self, problem: ProblemFile) -> None:
        """Write the resolved problem file, in place of one with other budgets."""
        write_atomically(self.problem, problem.to_toml())

    def read_problem(self, overrides: Mapping[str, object] | None = None) -> ProblemFile:
        """The problem as the run resolved it, with other values of some keys.

        Raises:
            RunError: no run is here, or its problem file cannot be read.
            ProblemFileError: it is not a problem, or a key or value is none.
        """
        if not self.exists():
            raise RunError(f"{self.path}: no run here (no problem.toml); 'coernas runs' lists the runs there are")
        return parse_problem(self._problem_text(), str(self.problem), self.path, dict(overrides or {}))

    def _problem_text(self) -> str:
        try:
            return self.problem.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{self.problem}: cannot be read ({error}); restore it, or search anew") from None

    def require_same(self, problem: ProblemFile) -> None:
        """Check that a problem to resume with is the one the run began with, budgets and workers aside.

        Raises:
            RunError: names the first key that differs.
        """
        before = _flat(tomllib.loads(self._problem_text()))
        after = _flat(tomllib.loads(problem.to_toml()))
        # Whether what was moved are the same images is looked at where they are read.
        moved = bool(before.get("data.path")) and not Path(str(before["data.path"])).exists()
        for key in sorted({*before, *after}):
            if key in BUDGET_KEYS or key.startswith(FREE) or (moved and key in IMAGE_KEYS):
                continue
            if before.get(key) != after.get(key):
                if before.get("name") != after.get("name"):
                    names = f"{before.get('name')!r}, not of {after.get('name')!r}"
                    raise RunError(f"{self.path}: is a run of {names}; give another --out")
                raise RunError(
                    f"{self.path}: the problem has changed since this run began: {key} was {_said(before.get(key))}, "
                    f"is {_said(after.get(key))}; give another --out for a new run, or continue this one as it began "
                    f"with: coernas search --resume --out {self.path}"
                )

    def read_state(self) -> State:
        """The state; raises `RunError` where it is missing or not readable."""
        path = self.path / "state.json"
        if not path.exists() and is_comparison(self.path):
            raise RunError(
                f"{self.path}: a comparison, not a run: 'coernas report' and 'coernas summary' read it once "
                "'coernas compare' has ended"
            )
        if not path.exists() and self.exists():
            raise RunError(
                f"{self.path}: this run was cut off before it began; begin it with: coernas search --resume --out "
                f"{self.path}"
            )
        try:
            return msgspec.convert(json.loads(path.read_text(encoding="utf-8")), State)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise RunError(f"{path}: not the state of a run: {error}") from None

    def write_state(self, state: State) -> None:
        """Replace the state."""
        write_atomically(self.path / "state.json", json.dumps(asdict(state), indent=1))

    def has_state(self) -> bool:
        """Whether the run got as far as writing its first state."""
        return (self.path / "state.json").is_file()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory for one process; the lock goes with the process, however it ends.

        Raises:
            RunError: another process, or another search of this one, holds it.
        """
        with held_by_one(
            self.path, "in use by another search; wait for it, or give another --out", "give another --out"
        ):
            yield


def require_same_data(state: State, info: DatasetInfo, path: Path) -> None:
    """Check that images and classes are those the run began with; raises `RunError`."""
    if tuple(info.shape) == tuple(state.shape) and set(info.classes) != set(state.classes):
        gone, new = (sorted(set(a) - set(b)) for a, b in ((state.classes, info.classes), (info.classes, state.classes)))
        said = [f"{what} {', '.join(map(repr, names))}" for what, names in (("without", gone), ("with", new)) if names]
        raise RunError(
            f"{path}: the classes have changed since this run began: the images are now {' and '.join(said)}; give "
            "those of then, or search these in a new run"
        )
    if tuple(info.shape) != tuple(state.shape) or tuple(info.classes) != tuple(state.classes):
        raise RunError(
            f"{path}: the data has changed since this run began: images were "
            f"{'x'.join(map(str, state.shape))} in {len(state.classes)} classes, are {info.shape} in "
            f"{len(info.classes)}; give those images, or search these in a new run"
        )


def _said(value: object) -> str:
    return "not set" if value is None else repr(value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def runs_in(folder: Path) -> list[RunDirectory]:
    """The runs in a folder, oldest first; comparisons, which may lie beside them, are none."""
    if not folder.is_dir():
        return []
    found = [RunDirectory(item) for item in folder.iterdir() if RunDirectory(item).exists() and not is_comparison(item)]
    return sorted(found, key=lambda run: (run.problem.stat().st_mtime, run.path.name))


def next_free(folder: Path, name: str) -> Path:
    """`folder/name-1`, or with the first number after all that exist."""
    numbers = [
        int(item.name.removeprefix(f"{name}-"))
        for item in (folder.iterdir() if folder.is_dir() else ())
        if item.name.removeprefix(f"{name}-").isdecimal()
    ]
    return folder / f"{name}-{max(numbers, default=0) + 1}"
