"""The report in a real browser: points are clicked, keys pressed, widths and colours changed, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from test_comparison_entry import document, write
from test_report_page import HOSTILE, hostile_run

from coernas_moo.config import parse_problem
from coernas_moo.reporting.html.comparison_entry import comparison_entry
from coernas_moo.reporting.html.page import write_report
from coernas_moo.reporting.html.run_entry import run_entry
from coernas_moo.search.run import Run

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

POINTS = "document.querySelectorAll('[data-plot=front] .scatterlayer .trace')"
"""Traces of the front's plot in drawing order: evaluated, line, front, a pick each, the chosen one."""

FRONT = f"[...{POINTS}].map(trace => [...trace.querySelectorAll('.point')]).filter(points => points.length)[1]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def report(front_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run_entry(front_run, "entry-1")], tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(autouse=True)
def _no_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    browser: Browser = request.getfixturevalue("browser")
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("file:")] == []
    assert len(browser.requests()) <= 1


def panel(browser: Browser) -> str:
    text: str = browser.run("document.querySelector('[data-panel]').innerText")
    return text


def centre(browser: Browser, expression: str) -> tuple[float, float]:
    """Where an element is in the window."""
    browser.run(f"({expression}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
    left, top, width, height = browser.run(
        f"(box => [box.x, box.y, box.width, box.height])(({expression}).getBoundingClientRect())"
    )
    return left + width / 2, top + height / 2


def overflow(browser: Browser) -> int:
    """Pixels by which the page is wider than the window."""
    wide: int = browser.run("document.documentElement.scrollWidth - window.innerWidth")
    return wide


def draw_everything(browser: Browser) -> None:
    browser.run("document.querySelectorAll('details').forEach(details => details.open = true)")
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    browser.wait("[...document.querySelectorAll('div.plot')].every(plot => plot.classList.contains('js-plotly-plot'))")


def test_a_click_on_a_point_draws_its_network(browser: Browser, report: Path, front_run: Run) -> None:
    browser.open(report)
    assert front_run.pick("knee").text in panel(browser)
    # A member that no pick's marker covers.
    number = next(m.number for m in front_run.front if m.number not in {front_run.pick(p).number for p in
                  ("best", "knee", "fastest", "smallest")})  # fmt: skip
    browser.click(*centre(browser, f"{FRONT}[{number - 1}]"))
    browser.wait(f"document.querySelector('.panel h4').innerText === 'network {number}'")
    member = front_run.front[number - 1]
    assert member.text in panel(browser)
    drawn = browser.run("document.querySelector('svg.architecture').textContent")
    for cost in front_run.plan(member).costs():
        assert str(cost.out_shape) in drawn
        assert cost.label[:20] in drawn
    assert "stage1" in drawn
    assert "params" in drawn
    assert "MACs" in drawn
    assert browser.run(f"document.querySelector('[data-number=\"{number}\"]').closest('tr').className") == "chosen"


def test_hovering_tells_genotype_proxies_and_costs(browser: Browser, report: Path, front_run: Run) -> None:
    browser.open(report)
    x, y = centre(browser, f"{FRONT}[0]")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    browser.wait("document.querySelectorAll('.hoverlayer .hovertext').length > 0")
    shown = browser.run("document.querySelector('.hoverlayer').textContent")
    for name in ("network 1", "score", "latency", "params", "MACs", *front_run.problem.score.proxies):
        assert name in shown
    assert front_run.front[0].text[:20] in shown


def test_keys_move_along_the_front_and_enter_draws(browser: Browser, report: Path, front_run: Run) -> None:
    browser.open(report)
    browser.run("document.querySelector('[data-plot=front]').focus()")
    browser.press("Home")
    fastest = min(front_run.front, key=lambda member: member.objectives["latency_ms"])
    said = browser.run("document.getElementById('announcer').textContent")
    assert said.startswith(f"network {fastest.number}")
    browser.press("Enter")
    assert fastest.text in panel(browser)
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft", "Enter")
    ordered = sorted(front_run.front, key=lambda member: member.objectives["latency_ms"])
    assert ordered[1].text in panel(browser)


def test_everything_that_can_be_pressed_is_reached_by_tab(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.run("document.querySelectorAll('details').forEach(details => details.open = true)")
    reached = set()
    for _ in range(60):
        browser.press("Tab")
        reached.add(
            browser.run("`${document.activeElement.tagName} ${document.activeElement.className.split(' ')[0]}`")
        )
    assert {"A skip", "SELECT ", "DIV plot", "SUMMARY ", "BUTTON draw", "BUTTON copy"} <= reached


def test_a_button_of_the_table_draws_too(browser: Browser, report: Path, front_run: Run) -> None:
    browser.open(report)
    last = front_run.front[-1]
    browser.run(f"document.querySelector('[data-number=\"{last.number}\"]').click()")
    assert last.text in panel(browser)


def test_the_axes_can_be_chosen(browser: Browser, report: Path) -> None:
    browser.open(report)
    title = "document.querySelector('[data-plot=front] .xtitle').textContent"
    assert browser.run(title).startswith("latency, ms")
    browser.run(
        "(s => { s.value = 'isotropy'; s.dispatchEvent(new Event('change')) })(document.querySelector('[data-axis=x]'))"
    )
    browser.wait(f"{title}.startsWith('isotropy')")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_everything_in_its_width(browser: Browser, report: Path, dark: bool) -> None:
    browser.open(report, width=375, height=667, dark=dark)
    draw_everything(browser)
    assert browser.run("window.innerWidth") == 375
    assert overflow(browser) <= 0
    browser.tap(*centre(browser, f"{FRONT}[1]"))
    browser.wait("document.querySelector('.panel h4').innerText.startsWith('network 2')")
    browser.wait("document.querySelector('[data-panel]').getBoundingClientRect().top < 300")


def test_no_button_of_a_plot_sends_it_away(browser: Browser, report: Path) -> None:
    browser.open(report)
    buttons = "[...document.querySelectorAll('[data-plot=front] .modebar-btn')].map(button => button.dataset.title)"
    assert len(browser.run(buttons)) == 4
    assert not any(word in title.lower() for title in browser.run(buttons) for word in ("share", "cloud", "studio"))
    browser.open(report, width=375, height=667)
    assert browser.run(buttons) == []


def test_a_finger_on_a_plot_moves_the_page(browser: Browser, report: Path) -> None:
    browser.open(report, width=375, height=667)
    x, y = centre(browser, "document.querySelector('[data-plot=front]')")
    before = browser.run("window.scrollY")
    browser.swipe(x, y, -200)
    browser.wait(f"window.scrollY > {before} + 100")


def test_plots_follow_light_and_dark(browser: Browser, report: Path) -> None:
    seen = {}
    tick = "getComputedStyle(document.querySelector('[data-plot=front] .xtick text')).fill"
    browser.open(report)
    for dark in (False, True):
        browser.colours(dark=dark)
        wanted = browser.run(
            "(s => { document.body.append(s); s.style.color = 'var(--faint)'; const c = getComputedStyle(s).color;"
            " s.remove(); return c })(document.createElement('span'))"
        )
        browser.wait(f"{tick} === '{wanted}'")
        seen[dark] = (browser.run("getComputedStyle(document.body).backgroundColor"), wanted)
    assert seen[False][0] != seen[True][0]
    assert seen[False][1] != seen[True][1]


def test_hostile_strings_stay_strings(browser: Browser, front_run: Run, tmp_path: Path) -> None:
    text = front_run.directory.problem.read_text()
    problem = parse_problem(text, "test", tmp_path, {"description": HOSTILE})
    entry = run_entry(hostile_run(tmp_path / "hostile", problem), "entry-1")
    hostile = write_report([entry], tmp_path / "hostile.html")
    browser.open(hostile)
    draw_everything(browser)
    assert f"Trained as {HOSTILE}: accuracy 75.0 %" in browser.run("document.querySelector('[data-panel]').textContent")
    x, y = centre(browser, f"{FRONT}[0]")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert browser.run("window.hacked") is None
    assert browser.run("document.querySelectorAll('img, main b:not(.numbers b), main i').length") == 0
    assert HOSTILE in browser.run("document.querySelector('.subtitle').textContent")


def test_runs_and_comparisons_in_one_page(
    browser: Browser, front_run: Run, cell_run: Run, finished_run: Run, tmp_path: Path
) -> None:
    runs = [run_entry(run, f"entry-{number}") for number, run in enumerate((front_run, cell_run, finished_run), 1)]
    comparison = comparison_entry(write(tmp_path / "comparison", document()), "entry-4")
    browser.open(write_report([*runs, comparison], tmp_path / "report.html"))
    draw_everything(browser)
    assert browser.run("document.querySelectorAll('div.plot.large').length") == 3
    assert browser.run("document.querySelectorAll('svg.cell').length") == 1
    curves = browser.run("document.querySelectorAll('[data-plots=regret] .scatterlayer .trace').length")
    assert curves == 2 * len(document().algorithms)
    assert browser.run("document.querySelectorAll('[data-plots=convergence] div.plot').length") == 4
    assert overflow(browser) <= 0
    name = browser.run("document.querySelector('[data-plots=regret] .legendtext:last-of-type').textContent")
    assert name in {"ours", "<b>theirs"}


def test_keys_hide_and_show_algorithms_of_a_comparison(browser: Browser, tmp_path: Path) -> None:
    entry = comparison_entry(write(tmp_path / "comparison", document()), "entry-1")
    browser.open(write_report([entry], tmp_path / "report.html"))
    draw_everything(browser)
    for _ in range(60):
        browser.press("Tab")
        if browser.run("document.activeElement.textContent.trim()").endswith("ours"):
            break
    for pressed, seen in (("false", "'legendonly'"), ("true", "true")):
        browser.press("Enter")
        assert browser.run("document.activeElement.ariaPressed") == pressed
        for place, drawn in (("regret", 4), ("attainment", 4), ("final", 2)):
            traces = f"document.querySelector('[data-plots={place}] div.plot').data.filter(trace => trace.legendgroup)"
            of = "traces.filter(trace => trace.legendgroup {} 'ours').every(trace => trace.visible === {})"
            ours, theirs = of.format("===", seen), of.format("!==", "true")
            browser.wait(f"(traces => traces.length === {drawn} && {ours} && {theirs})({traces})")


def test_a_comparison_alone_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    entry = comparison_entry(write(tmp_path / "comparison", document()), "entry-1")
    browser.open(write_report([entry], tmp_path / "report.html"), width=375, height=667)
    draw_everything(browser)
    assert overflow(browser) <= 0
