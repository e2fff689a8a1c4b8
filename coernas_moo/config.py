"""The problem file: its schema, how it is read, and how a resolved one is written.

A problem file is TOML. Unknown keys, wrong types and impossible values are refused with the file, the key
and what was expected. `[data]` and `[space]` are checked by the class registered under their `kind`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import tomli_w

from coernas_moo.datasets import DATASETS, DataSettings
from coernas_moo.errors import CoernasError, ProblemFileError
from coernas_moo.objectives import OBJECTIVES, Limit
from coernas_moo.plugins import load_plugins
from coernas_moo.proxies import PROXIES
from coernas_moo.registry import Registry
from coernas_moo.seeds import LARGEST_SEED
from coernas_moo.shipped import shipped_problems
from coernas_moo.spaces import SPACES, SpaceSettings
from coernas_moo.training.recipe import Recipe
from coernas_moo.validation import convert

S = TypeVar("S")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Processors = Annotated[int, msgspec.Meta(ge=1, le=4096)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the problem file."""


class ScoreSettings(_Section, frozen=True):
    """How candidates are scored.

    `p` is the exponent of the power mean of ranks (0 geometric, 1 linear); `repeats` averages initialisations;
    `size` is the side of the scoring images (absent: the space chooses); `input` is Gaussian noise or real images.
    """

    proxies: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = (
        "robustness",
        "isotropy",
        "uncertainty",
        "regularity",
    )
    p: float = 0.0
    repeats: Positive = 1
    batch: Annotated[int, msgspec.Meta(ge=2)] = 32
    size: Annotated[int, msgspec.Meta(ge=4)] | None = None
    input: Literal["noise", "data"] = "noise"


class LatencySettings(_Section, frozen=True):
    """`estimated` sums a per-operator table measured once on this machine; `measured` times every candidate."""

    mode: Literal["estimated", "measured"] = "estimated"
    threads: Processors = 1
    batch: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 1


class SearchSettings(_Section, frozen=True):
    """The search; what is absent comes from the preset. The first budget that is used up ends the search."""

    algorithm: str = "hd-duaas"
    preset: Annotated[int, msgspec.Meta(ge=1, le=5)] = 4
    seed: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEED)] = 1
    population: Annotated[int, msgspec.Meta(ge=2)] | None = None
    generations: Positive | None = None
    evaluations: Positive | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    tournament: Positive | None = None
    crossover: dict[str, Probability] = {}
    mutation: dict[str, Probability] = {}


class EvaluationSettings(_Section, frozen=True):
    """Worker processes (absent: one a core), tries a candidate is given, and the time after which a try is stopped."""

    workers: Processors | None = None
    tries: Positive = 2
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 300.0


class ProblemFile(_Section, frozen=True):
    """Everything a search needs to know; `data` and `space` hold a `kind` and that kind's settings."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)")]
    data: dict[str, Any]
    space: dict[str, Any]
    description: str = ""
    objectives: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("score", "params")
    limits: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    score: ScoreSettings = ScoreSettings()
    latency: LatencySettings = LatencySettings()
    search: SearchSettings = SearchSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    train: Recipe = Recipe()

    @property
    def data_settings(self) -> DataSettings:
        """The `[data]` table as the settings of its kind."""
        return _of_kind(self.data, DATASETS, "data")

    @property
    def space_settings(self) -> SpaceSettings:
        """The `[space]` table as the settings of its kind."""
        return _of_kind(self.space, SPACES, "space")

    @property
    def parsed_limits(self) -> tuple[Limit, ...]:
        """The limits, read."""
        return tuple(Limit.parse(text) for text in self.limits)

    def with_data(self, path: str | Path) -> ProblemFile:
        """The same problem on the images at `path`; raises `DataError` where the kind of data takes no path."""
        return self.with_data_settings(self.data["kind"], self.data_settings.with_path(path))

    def with_data_settings(self, kind: str, settings: DataSettings) -> ProblemFile:
        """The same problem with other data."""
        return msgspec.structs.replace(self, data={"kind": kind, **_table(settings)})

    def to_toml(self) -> str:
        """The problem as a file that `load_problem` reads back to an equal problem."""
        return tomli_w.dumps(_table(self), multiline_strings=False)


def load_problem(source: str | Path, overrides: Mapping[str, object] | None = None) -> ProblemFile:
    """Read a problem.

    Args:
        source: the name of a shipped problem, or the path of a TOML file.
        overrides: dotted key to value, set on top of the file (`{"search.seed": 3}`).

    Raises:
        ProblemFileError: no such problem, not TOML, or a key that is unknown or has an impossible value.
    """
    shipped = shipped_problems()
    if str(source) in shipped:
        return parse_problem(shipped[str(source)], f"problem {str(source)!r}", Path.cwd(), overrides)
    path = Path(source)
    if not path.is_file():
        raise ProblemFileError(
            f"{source}: no such problem file, and no shipped problem of that name; shipped: {', '.join(shipped)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemFileError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    return parse_problem(text, str(path), path.resolve().parent, overrides)


def parse_problem(text: str, where: str, base: Path, overrides: Mapping[str, object] | None = None) -> ProblemFile:
    """Check the text of a problem file.

    Args:
        text: TOML.
        where: what error messages call the file.
        base: the folder that relative paths of data and plugins start from.
        overrides: dotted key to value, set on top.

    Raises:
        ProblemFileError: as `load_problem`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProblemFileError(f"{where}: not valid TOML: {error}") from None
    for key, value in (overrides or {}).items():
        _set(table, key, value)
    try:
        problem = convert(table, ProblemFile, "")
        problem = msgspec.structs.replace(
            problem, plugins=tuple(str((base / plugin).resolve()) for plugin in problem.plugins)
        )
        load_plugins(problem.plugins)
        images = problem.data.get("path")
        if isinstance(images, str) and images:
            path = (base / Path(images).expanduser()).resolve()
            problem = msgspec.structs.replace(problem, data={**problem.data, "path": str(path)})
        _check(problem)
        problem = _resolved(problem)
    except CoernasError as error:
        above = any(str(error).startswith(f"{key}:") for key in overrides or {})
        raise ProblemFileError(f"{where}: {error}{' (set on top of the file)' if above else ''}") from None
    return problem


def parse_value(text: str) -> object:
    """A value given on the command line: TOML where it is TOML, otherwise the text itself.

    Example:
        >>> parse_value("3"), parse_value("[1, 2]"), parse_value("nsga2")
        (3, [1, 2], 'nsga2')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _of_kind(table: Mapping[str, Any], registry: Registry[type[S]], section: str) -> S:
    known = ", ".join(registry)
    if not isinstance(table.get("kind"), str):
        raise ProblemFileError(f"{section}: missing key 'kind'; one of {known}")
    if table["kind"] not in registry:
        raise ProblemFileError(f"{section}.kind: {table['kind']!r} is not one of {known}")
    return convert({key: value for key, value in table.items() if key != "kind"}, registry[table["kind"]], section)


def _table(settings: msgspec.Struct) -> dict[str, Any]:
    """Settings as a TOML table; what is None is left out, since TOML has no word for it."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if item is not None}
        return [strip(item) for item in value] if isinstance(value, list | tuple) else value

    table: dict[str, Any] = strip(msgspec.to_builtins(settings))
    return table


def _set(table: dict[str, Any], key: str, value: object) -> None:
    *sections, last = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ProblemFileError(f"--set {key}: {section!r} is not a section")
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def _check(problem: ProblemFile) -> None:
    """What the schema cannot say: names that must be registered, values that must go together."""
    if len(set(problem.objectives)) < len(problem.objectives):
        raise ProblemFileError(f"objectives: one is listed twice: {', '.join(problem.objectives)}")
    for name in problem.objectives:
        _known("objectives", name, OBJECTIVES)
    for limit in problem.parsed_limits:
        _known("limits", limit.objective, OBJECTIVES)
        if limit.objective == "score" and (limit.bound > 1 if limit.comparison == ">=" else limit.bound <= 0):
            raise ProblemFileError(f"limits: no network meets {str(limit)!r}: scores lie between 0 and 1")
    for name in problem.score.proxies:
        _known("score.proxies", name, PROXIES)
    if not math.isfinite(problem.score.p):
        raise ProblemFileError(f"score.p: expected a finite number, got {problem.score.p}")
    if problem.score.input == "data" and problem.data.get("kind") == "noise":
        raise ProblemFileError("score.input: 'data' needs images, and data.kind is 'noise'; use 'noise'")
    _ = problem.data_settings
    problem.space_settings.check()
    problem.train.check()


def _resolved(problem: ProblemFile) -> ProblemFile:
    """The same with all settings of data and space written out, so that other defaults do not change an old run."""
    data = problem.data_settings
    return msgspec.structs.replace(
        problem,
        data={"kind": problem.data["kind"], **_table(data)},
        space={"kind": problem.space["kind"], **_table(problem.space_settings)},
        train=msgspec.structs.replace(problem.train, augment=problem.train.augment or data.augment),
    )


def _known(key: str, name: str, registry: Registry[Any]) -> None:
    try:
        registry[name]
    except CoernasError as error:
        raise ProblemFileError(f"{key}: {error}") from None
