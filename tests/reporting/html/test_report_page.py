"""The page as text: complete, closed, and with every string escaped."""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measures import metrics

from coernas_moo.errors import CoernasError, RunError
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.reporting.html.page import json_in_html, report_page, script_text, write_report
from coernas_moo.reporting.html.run_entry import run_entry
from coernas_moo.search.run import Run
from coernas_moo.testing.runs import make_run
from coernas_moo.training.assess import write_metrics

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'`{{7*7}}&amp;"


class Elements(HTMLParser):
    """The elements of a page with their attributes, the content of its scripts, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text += data


def hostile_run(path: Path, problem: Any) -> Run:
    """A run in which every free text tries to get out of the page."""
    made = make_run(path / "a<img src=x onerror='window.hacked=1'>&\"b", problem, networks=25)
    with Journal(made.directory.journal, "made up", problem.search.seed) as journal:
        failed = next(record.text for record in made.archive if record.text not in {m.text for m in made.front})
        journal.write(Record(failed, {}, {}, HOSTILE, tries=2))
    classes = (HOSTILE, "<b>bold</b>", "'", '"', "&")
    made.directory.write_state(replace(made.state, classes=classes, reason=HOSTILE, versions={HOSTILE: HOSTILE}))
    model = made.directory.path / "models" / "<i>knee"
    model.mkdir(parents=True)
    write_metrics(metrics(name=HOSTILE, network=made.pick("knee").text), model)
    return Run(made.directory.path)


@pytest.fixture(scope="module")
def page(front_run: Run) -> str:
    return report_page([run_entry(front_run, "entry-1")])


def test_the_page_is_complete_and_asks_for_nothing(page: str) -> None:
    found = Elements(page)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == 3
    assert not {"link", "img", "iframe", "object", "embed", "form"} & set(tags)
    for tag, attributes in found.elements:
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith(("#", "data:")), attributes
        assert not any(name.startswith("on") for name in attributes), attributes
    assert not re.search(r"url\(|@import", re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1])  # type: ignore[index]


def test_only_the_scripts_of_the_page_may_run(page: str) -> None:
    found = Elements(page)
    policy = next(a["content"] or "" for tag, a in found.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; ")
    data, *scripts = found.scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.count("sha256-") == len(scripts) == 2
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert json.loads(data)[0]["id"] == "entry-1"


def test_the_page_holds_the_run(page: str, front_run: Run) -> None:
    text = Elements(page).text
    for member in front_run.front:
        assert member.text in text
    assert "made-up-1" in text
    assert "ran out of memory" in text
    assert front_run.problem.description in text
    assert 'kind = "separable"' in text
    assert "coernas search" in text
    assert len(page) < 6e6


def test_every_string_is_escaped(run_with: Callable[..., Run], tmp_path: Path) -> None:
    problem = run_with(description=HOSTILE).problem
    found = Elements(report_page([run_entry(hostile_run(tmp_path / "hostile", problem), "entry-1")]))
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == 3
    assert not {"img", "b", "i"} & set(tags)
    assert found.text.count(HOSTILE) >= 6
    assert not any("onerror" in attributes for _, attributes in found.elements)
    data = json.loads(found.scripts[0])
    assert data[0]["trained"][0]["name"] == HOSTILE
    assert "window.hacked" not in "".join(found.scripts[1:])


@given(st.text())
def test_json_in_a_page_is_the_same_json(text: str) -> None:
    inside = json_in_html({"text": text})
    assert json.loads(inside) == {"text": text}
    assert not set("<>&\u2028\u2029") & set(inside)


def test_a_script_that_would_end_its_element_is_refused() -> None:
    assert script_text("a\r\nb\rc") == "a\nb\nc"
    for source in ("x = '</SCRIPT>'", "<!-- x"):
        with pytest.raises(CoernasError, match="cannot stand in a page"):
            script_text(source)


def test_several_runs_stand_side_by_side(front_run: Run, cell_run: Run) -> None:
    page = report_page([run_entry(front_run, "entry-1"), run_entry(cell_run, "entry-2")])
    found = Elements(page)
    assert "2 runs" in found.text
    links = [attributes["href"] for tag, attributes in found.elements if tag == "a"]
    assert {"#entry-1", "#entry-2"} <= set(links)
    identities = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(set(identities)) == len(identities)


def test_an_empty_front_is_said(run_with: Callable[..., Run]) -> None:
    text = Elements(report_page([run_entry(run_with(limits=["params <= 1"]), "e")])).text
    assert "The front is empty" in text
    assert "What the front is made of" not in text


def test_without_its_packages_the_report_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    true_import = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "plotly":
            raise ImportError(name=name)
        return true_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CoernasError, match=r"needs the package 'plotly'.*pip install 'coernas-moo\[report\]'"):
        report_page([])


def test_a_place_that_cannot_be_written_is_named(front_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_report([run_entry(front_run, "e")], tmp_path / "none" / "report.html")
