from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from coernas_moo.errors import RunError
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.exports import (
    EXPORTS,
    FORMAT,
    export_front,
    front_csv,
    front_document,
    front_json,
    front_latex,
    front_markdown,
    read_front,
    write_front,
)
from coernas_moo.reporting.marks import marks, picks
from coernas_moo.search.run import Run


def test_csv_holds_the_front_to_the_last_digit(front_run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(front_csv(front_run))))
    assert len(rows) == len(front_run.front)
    for row, member in zip(rows, front_run.front, strict=True):
        assert (int(row["number"]), row["genotype"]) == (member.number, member.text)
        assert {name: float(row[name]) for name in member.objectives} == dict(member.objectives)
        assert {name: float(row[name]) for name in member.costs} == dict(member.costs)
        assert {name: float(row[f"proxy_{name}"]) for name in member.proxies} == dict(member.proxies)
        assert row["pick"] == marks(front_run).get(member.number, "")


def test_csv_of_an_empty_front_has_its_header(run_with: Callable[..., Run]) -> None:
    assert front_csv(run_with(limits=["params <= 1"])) == "number,genotype,pick,score,latency_ms,params\n"


def test_json_keys(front_run: Run) -> None:
    document = json.loads(front_json(front_run))
    assert set(document) == {"format", "problem", "seed", "genes", "limits", "picks", "objectives", "networks"}
    assert (document["format"], document["problem"], document["seed"]) == (FORMAT, "made-up", 1)
    assert document["objectives"][1] == {"name": "latency_ms", "direction": "min", "unit": "ms"}
    assert document["picks"] == picks(front_run)
    for network, member in zip(document["networks"], front_run.front, strict=True):
        assert set(network) == {"number", "genotype", "codes", "objectives", "costs", "proxies"}
        assert front_run.space.to_text(network["codes"]) == network["genotype"] == member.text
        assert len(network["codes"]) == len(document["genes"])
        assert network["objectives"] == dict(member.objectives)
        assert network["proxies"] == dict(member.proxies)


def test_json_is_read_back_and_made_again_byte_for_byte(front_run: Run, tmp_path: Path) -> None:
    path = export_front(front_run, "json", tmp_path / "front.json")
    assert read_front(path) == front_document(front_run)
    assert path.read_text() == front_json(Run(front_run.directory.path))


def test_what_is_not_known_is_null_and_empty(front_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(front_run.directory.path)
    odd = [replace(run.front[0], costs={"params": float("nan")}, proxies={"isotropy": float("inf")}), *run.front[1:]]
    monkeypatch.setitem(run.__dict__, "front", odd)
    monkeypatch.setattr(Run, "pick", lambda self, which: self.front[0])
    network = json.loads(front_json(run))["networks"][0]
    assert network["costs"] == {"params": None}
    assert network["proxies"] == {"isotropy": None}
    row = next(csv.DictReader(io.StringIO(front_csv(run))))
    assert (row["params"], row["proxy_isotropy"]) == ("", "")


@pytest.mark.parametrize("content", ["[]", "{", '{"format": "coernas-front-1"}', '{"format": 1}'])
def test_a_file_that_is_no_front_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_text(content)
    with pytest.raises(RunError, match="not an exported front"):
        read_front(path)
    with pytest.raises(RunError, match="cannot be read"):
        read_front(tmp_path / "none.json")


def test_another_version_is_refused(front_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(front_document(front_run), format="coernas-front-9")))
    with pytest.raises(RunError, match="coernas-front-9"):
        read_front(path)


@pytest.mark.parametrize("name", ["front_run", "cell_run"])
def test_markdown_is_a_table(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    cells = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in front_markdown(run).splitlines()
    ]
    assert {len(row) for row in cells} == {len(run.problem.objectives) + 3}
    assert all(set(cell) <= {"-", ":"} for cell in cells[1])
    for row, member in zip(cells[2:], run.front, strict=True):
        assert row[0] == str(member.number)
        assert row[1:-2] == [fmt.value(name, value) for name, value in member.objectives.items()]
        assert row[-1] == f"`{member.text}`"


def test_latex_is_a_table_with_nothing_left_to_escape(cell_run: Run) -> None:
    lines = front_latex(cell_run).splitlines()
    assert lines[0] == r"\begin{tabular}{rrrll}"
    assert lines[-1] == r"\end{tabular}"
    body = lines[4:-2]
    assert len(body) == len(cell_run.front)
    for line in body:
        assert line.count(" & ") == 4
        assert not re.search(r"(?<!\\)[_#%~|]", line)


def test_files_land_beside_the_run(run_with: Callable[..., Run], tmp_path: Path) -> None:
    run = run_with()
    write_front(run)
    assert (run.directory.path / "front.csv").read_text() == front_csv(run)
    assert read_front(run.directory.path / "front.json") == front_document(run)
    for name, export in EXPORTS.items():
        path = export_front(run, name)
        assert path == run.directory.path / f"front{export.suffix}"
        assert path.stat().st_size > 100


def test_a_place_that_cannot_be_written_is_named(front_run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "front.csv", tmp_path / "none" / "front.csv"):
        with pytest.raises(RunError, match="cannot be written"):
            export_front(front_run, "csv", path)
