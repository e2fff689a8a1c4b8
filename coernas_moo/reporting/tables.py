"""A run on the screen: what was searched and how far, the front, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from coernas_moo.networks.layers import Shape
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.genotype_text import GenotypeText, unbroken
from coernas_moo.reporting.marks import marks
from coernas_moo.search.presets import effective_preset
from coernas_moo.search.run import Member, Run

MOST_REASONS = 10
_ANY_WIDTH = 10_000
_BAR_PARTS = " ▏▎▍▌▋▊▉█"
_STATUS_STYLES = {"finished": "green", "running": "cyan", "interrupted": "yellow", "failed": "red"}


def bar(part: float, whole: float, width: int) -> str:
    """A bar of `width` characters, filled from the left to eighths of one.

    Example:
        >>> bar(1, 2, 4), bar(0, 2, 4), bar(2, 2, 4)
        ('██  ', '    ', '████')
    """
    eighths = round(8 * width * part / whole) if whole else 0
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_BAR_PARTS[rest] if rest else "")).ljust(width)


def facts(rows: Iterator[tuple[str, RenderableType]]) -> Table:
    """Names and what they are, one a line; brackets in a text stand for themselves."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, Text(text) if isinstance(text, str) else text)
    return table


def objectives_text(run: Run) -> str:
    """The objectives with their directions, and the limits."""
    arrows = {"max": "↑", "min": "↓"}
    text = ", ".join(f"{o.name} {arrows[o.direction]}" for o in run.archive.objectives)
    return text + "".join(f", {limit}" for limit in run.problem.limits)


def header(run: Run) -> Table:
    """The run's problem, data, search, status, evaluations and time."""
    return facts(_header_rows(run))


def _header_rows(run: Run) -> Iterator[tuple[str, RenderableType]]:
    problem, state, archive = run.problem, run.state, run.archive
    yield "run", Text(str(run.directory.path), style="bold")
    yield "problem", problem.name + (f": {problem.description}" if problem.description else "")
    yield "data", f"{source_text(run)}, {Shape(*state.shape)}, {len(state.classes)} classes"
    yield "objectives", objectives_text(run)
    preset = effective_preset(problem.search)
    yield (
        "search",
        f"{problem.search.algorithm}, preset {problem.search.preset}, population {preset.population}, "
        f"seed {problem.search.seed}",
    )
    status = Text(state.status, style=_STATUS_STYLES.get(state.status, ""))
    detail = "or killed: --resume continues it" if state.status == "running" else state.reason
    yield "status", status + Text(f", {detail}" if detail else "")
    yield (
        "evaluated",
        f"{archive.evaluations:,} networks in {fmt.duration(state.seconds)}, {len(run.front)} on the front",
    )


def source_text(run: Run) -> str:
    """Kind of the run's data, and its path where it has one."""
    data = run.problem.data
    return f"{data['kind']} {data['path']}" if data.get("path") else str(data["kind"])


def front_table(run: Run, genotypes: bool = True) -> Table:
    """One row a network: number, objectives with units, what it is picked as, genotype."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    for objective in run.archive.objectives:
        table.add_column(fmt.label(objective.name), justify="right", no_wrap=True)
    table.add_column("pick", style="yellow", no_wrap=True)
    if genotypes:
        table.add_column("genotype", no_wrap=True)
    named = marks(run)
    for member in run.front:
        picked = named.get(member.number, "").replace(", ", ",\n")
        values = (fmt.value(name, value) for name, value in member.objectives.items())
        style = "bold" if picked else ""
        genotype = [unbroken(member.text)] if genotypes else []
        table.add_row(str(member.number), *values, picked, *genotype, style=style)
    return table


@dataclass(frozen=True)
class Front:
    """The front as a table; where genotypes do not fit into it unbroken, they are listed below it."""

    run: Run

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = front_table(self.run)
        if Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum <= options.max_width:
            yield table
            return
        yield front_table(self.run, genotypes=False)
        yield ""
        digits = len(str(len(self.run.front)))
        for member in self.run.front:
            yield unbroken(f"{member.number:>{digits}}  {member.text}")


def failures(run: Run) -> Table | None:
    """Reasons why candidates could not be evaluated, most frequent first; None where there were none."""
    counts = Counter(record.failure or "" for record in run.archive.failures)
    if not counts:
        return None
    total = sum(counts.values())
    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        title=f"{total} network{'s' if total > 1 else ''} could not be evaluated",
        title_justify="left",
        title_style="red",
    )
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    table.add_column("for example", ratio=1)
    examples = {record.failure: record.text for record in reversed(run.archive.failures)}
    for reason, times in counts.most_common(MOST_REASONS):
        table.add_row(str(times), Text(reason), GenotypeText(examples[reason], style="dim"))
    rest = len(counts) - MOST_REASONS
    if rest > 0:
        table.add_row(str(total - sum(n for _, n in counts.most_common(MOST_REASONS))), f"{rest} other reasons", "")
    return table


def front_view(run: Run) -> Group:
    """The whole answer to `coernas show RUN`; print it with `crop=False`."""
    parts: list[RenderableType] = [header(run), ""]
    if run.front:
        parts += [Front(run), ""]
    else:
        parts += ["The front is empty: let the search run longer, or loosen the limits.", ""]
    failed = failures(run)
    if failed is not None:
        parts += [failed, ""]
    return Group(*parts)


def member_facts(run: Run, member: Member) -> Group:
    """One network of the front: objectives, other costs, genotype."""
    return Group(facts(_member_rows(run, member)), "", unbroken(member.text, style="bold"))


def _member_rows(run: Run, member: Member) -> Iterator[tuple[str, RenderableType]]:
    picked = marks(run).get(member.number)
    name = f"{member.number} of {len(run.front)}" + (f" ({picked})" if picked else "")
    yield "network", Text(name, style="bold")
    yield "run", str(run.directory.path)
    yield "objectives", _values(member.objectives)
    others = {name: value for name, value in member.costs.items() if name not in member.objectives}
    if others:
        yield "other costs", _values(others)


def proxies_table(run: Run, member: Member) -> Table:
    """Each raw proxy of one network, and the share of the scored networks of the run that it leaves behind."""
    scored = [record.proxies for record in run.archive if record.scored]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("proxy", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column(f"beats, of {len(scored):,}", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="cyan")
    for name, value in member.proxies.items():
        below = sum(proxies[name] < value for proxies in scored)
        table.add_row(name, f"{value:#.4g}", f"{100 * below / len(scored):.0f} %", bar(below, len(scored), 20))
    return table


def _values(values: Mapping[str, float]) -> str:
    return "  ".join(f"{fmt.label(name)} {fmt.value(name, value)}" for name, value in values.items())
