from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coernas_moo.config import (
    ProblemFile,
    load_problem,
    parse_problem,
    parse_value,
)
from coernas_moo.datasets import DATASETS
from coernas_moo.errors import DataError, ProblemFileError
from coernas_moo.objectives import Limit
from coernas_moo.schema import json_schema
from coernas_moo.shipped import shipped_problems
from coernas_moo.spaces import SPACES, SeparableSettings
from coernas_moo.training.augment import variation

SMALLEST = 'name = "small"\n[data]\nkind = "noise"\n[space]\nkind = "separable"\n'


def parse(overrides: dict[str, object] | None = None, text: str = SMALLEST) -> ProblemFile:
    return parse_problem(text, "small.toml", Path.cwd(), overrides)


def test_what_a_file_leaves_out_has_defaults() -> None:
    problem = parse()
    assert problem.objectives == ("score", "params")
    assert (problem.search.algorithm, problem.search.preset, problem.search.seed) == ("hd-duaas", 4, 1)
    assert problem.evaluation.tries == 2
    assert problem.space_settings == SeparableSettings()


def test_images_are_varied_as_suits_their_kind_where_the_file_does_not_say() -> None:
    digits = parse(text=SMALLEST.replace("noise", "digits"))
    assert (digits.train.augment, parse().train.augment) == ("digits", "photo")
    assert not variation(digits.train).flip_horizontal
    assert 'augment = "digits"' in digits.to_toml()
    assert parse({"train.augment": "surface"}, SMALLEST.replace("noise", "digits")).train.augment == "surface"


def test_settings_of_data_and_space_are_written_out() -> None:
    problem = parse()
    assert problem.space["stages"] == 4
    assert problem.data == {"kind": "noise", "channels": 3, "size": 32, "classes": 10}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"sarch.seed": 1}, "unknown key 'sarch'; known keys: name, data, space"),
        ({"search.sed": 1}, "search: unknown key 'sed'; known keys: algorithm, preset, seed"),
        ({"space.stgaes": 1}, "space: unknown key 'stgaes'; known keys: stages"),
        ({"data.path": "x"}, "data: unknown key 'path'"),
        ({"search.seed": "one"}, "search.seed: expected int, got str"),
        ({"data": {"kind": "digits", "path": "x"}}, "data: unknown key 'path'; this kind takes no settings"),
        ({"data": {"kind": "folder", "path": 5}}, "data.path: expected str, got int"),
        ({"data": {"kind": "folder", "size": 0}}, "data.size: expected int from 1 to 4096, got 0"),
        ({"data": {"kind": "folder", "size": [8, 5000]}}, "data.size[1]: expected int from 1 to 4096, got 5000"),
        ({"search.seed": 2**70}, f"search.seed: expected int from 0 to {2**63 - 1}, got {2**70}"),
        ({"search.population": -3}, "search.population: expected int >= 2, got -3"),
        ({"search.seconds": 0}, "search.seconds: expected float > 0"),
        ({"search.preset": 6}, "search.preset: expected int from 1 to 5, got 6"),
        ({"search.mutation.conv": 1.5}, "search.mutation.conv: expected float from 0 to 1, got 1.5"),
        ({"search.mutation": {"a.b": 1.5}}, "search.mutation.a.b: expected float"),
        ({"search.crossover": {"pool": 0.5, "conv": "x"}}, "search.crossover.conv: expected float, got str"),
        ({"search": 3}, "search: expected table, got int"),
        ({"name": "a b"}, "name: expected str matching regex"),
        ({"name": None}, "missing key 'name'"),
        ({"space.stages": 0}, "space.stages is 0; give 1 to 16"),
        ({"space.units": []}, "space.units is empty, a segment with no choice"),
        ({"space.pools": ["maxx"]}, "space.pools: no pool named 'maxx'; did you mean 'max'?"),
        ({"space": {}}, "space: missing key 'kind'; one of nasbench201, separable"),
        ({"space.kind": "darts"}, "space.kind: 'darts' is not one of nasbench201, separable"),
        ({"data.kind": 3}, "data: missing key 'kind'"),
        ({"objectives": []}, "objectives: expected array of length >= 1"),
        ({"objectives": ["score", "score"]}, "objectives: one is listed twice"),
        ({"objectives": ["scor"]}, "objectives: no objective named 'scor'; did you mean 'score'?"),
        ({"limits": ["params < 3"]}, "limits: 'params < 3' is not a limit"),
        ({"limits": ["parms <= 3"]}, "limits: no objective named 'parms'; did you mean 'params'?"),
        ({"score.proxies": ["no-such"]}, "score.proxies: no proxy named 'no-such'"),
        ({"score.p": float("nan")}, "score.p: expected a finite number, got nan"),
        ({"score.input": "data"}, "score.input: 'data' needs images, and data.kind is 'noise'"),
        ({"score.batch": 1}, "score.batch: expected int >= 2"),
        ({"latency.mode": "guessed"}, "latency.mode: expected one of estimated, measured, got 'guessed'"),
        ({"evaluation.workers": 0}, "evaluation.workers: expected int from 1 to 4096"),
        ({"plugins": ["no.py"]}, "is not a Python file"),
        ({"name.first": 1}, "--set name.first: 'name' is not a section"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(overrides: dict[str, object], words: str) -> None:
    with pytest.raises(ProblemFileError) as caught:
        parse(overrides)
    message = str(caught.value)
    assert words in message
    assert message.startswith("small.toml: ") or "--set" in message
    assert "\n" not in message


def test_what_the_file_does_not_say_is_not_blamed_on_it() -> None:
    with pytest.raises(ProblemFileError, match=r"small.toml: search.preset: .* got 6 \(set on top of the file\)$"):
        parse({"search.preset": 6, "search.seed": 1})
    with pytest.raises(ProblemFileError, match=r"small.toml: search.preset: .* got 6$"):
        parse({"search.seed": 1}, SMALLEST + "[search]\npreset = 6\n")


def test_a_file_that_is_not_toml_or_not_there_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("name = small")
    with pytest.raises(ProblemFileError, match=r"bad\.toml: not valid TOML: .*line 1"):
        load_problem(bad)
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemFileError, match="cannot be read as UTF-8"):
        load_problem(bad)
    with pytest.raises(
        ProblemFileError, match=r"no such problem file, and no shipped problem of that name; shipped: .*digits"
    ):
        load_problem(tmp_path / "missing.toml")
    with pytest.raises(ProblemFileError, match="no such problem file"):
        load_problem(tmp_path)


def test_values_are_set_on_top_of_a_file() -> None:
    problem = parse({"search.seed": 7, "score.proxies": ["isotropy"], "space.stages": 2, "limits": ["params <= 5e5"]})
    assert (problem.search.seed, problem.score.proxies, problem.space["stages"]) == (7, ("isotropy",), 2)
    assert problem.parsed_limits == (Limit("params", "<=", 5e5),)
    text = SMALLEST + "[search]\ngenerations = 5\n"
    assert parse(text=text).search.generations == 5
    assert parse({"search.generations": None}, text).search.generations is None


def test_values_of_the_command_line_are_toml_or_text() -> None:
    assert [parse_value(text) for text in ("3", "0.5", "true", "[1]", '"3"', "nsga2", "a b")] == [
        3, 0.5, True, [1], "3", "nsga2", "a b",
    ]  # fmt: skip


@pytest.mark.parametrize("name", shipped_problems())
def test_shipped_problems_are_valid_and_come_back_from_toml(name: str) -> None:
    problem = load_problem(name)
    assert problem.name == name
    assert parse_problem(problem.to_toml(), "again", Path("/")) == problem


def test_what_was_set_comes_back_from_toml(tiny: Callable[..., ProblemFile]) -> None:
    problem = tiny(
        search__mutation={"conv": 0.1}, search__seconds=2.5, limits=["macs <= 1e9"], data__size=[8, 9], score__p=0.5
    )
    assert parse_problem(problem.to_toml(), "again", Path("/")) == problem


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text("")
    file = tmp_path / "problem.toml"
    file.write_text('plugins = ["plugin.py"]\n' + SMALLEST.replace('"noise"', '"folder"\npath = "images"'))
    problem = load_problem(file)
    assert problem.data["path"] == str((tmp_path / "images").resolve())
    assert problem.plugins == (str((tmp_path / "plugin.py").resolve()),)


def test_images_are_given_afterwards_only_where_the_kind_reads_some(tmp_path: Path) -> None:
    problem = parse(text=SMALLEST.replace('"noise"', '"folder"'))
    assert problem.with_data(tmp_path).data["path"] == str(tmp_path)
    with pytest.raises(DataError, match="reads no images from a path"):
        parse().with_data(tmp_path)


def _check(schema: dict[str, Any], value: Any, definitions: dict[str, Any]) -> None:
    """As much of JSON Schema as says whether tables have known keys only and all that are required."""
    if "$ref" in schema:
        _check(definitions[schema["$ref"].rpartition("/")[2]], value, definitions)
    elif "const" in schema:
        assert value == schema["const"]
    elif "oneOf" in schema:
        fitting = 0
        for option in schema["oneOf"]:
            try:
                _check(option, value, definitions)
            except AssertionError:
                continue
            fitting += 1
        assert fitting == 1
    elif schema.get("type") == "object" and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
        for key, item in value.items():
            _check(schema["properties"][key], item, definitions)


@pytest.mark.parametrize("name", shipped_problems())
def test_the_schema_describes_the_shipped_problems(name: str) -> None:
    schema = json_schema()
    problem = tomllib.loads(shipped_problems()[name])
    _check(schema, problem, schema["$defs"])
    for wrong in ({**problem, "serach": {}}, {**problem, "space": {**problem["space"], "kind": "?"}}, {"name": "x"}):
        with pytest.raises(AssertionError):
            _check(schema, wrong, schema["$defs"])


def test_the_schema_has_an_alternative_for_every_kind() -> None:
    properties = json_schema()["$defs"]["ProblemFile"]["properties"]
    assert len(properties["data"]["oneOf"]) == len(DATASETS)
    assert len(properties["space"]["oneOf"]) == len(SPACES)
    assert json_schema() == json_schema()
