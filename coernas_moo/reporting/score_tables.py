"""The pages of tables 1 and 2: how well proxies, and subsets of the dimensions, rank NAS-Bench-201."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from coernas_moo.benchmarks.correlation import SCORE
from coernas_moo.benchmarks.score_tables.correlations import TableRow
from coernas_moo.benchmarks.score_tables.make import Table1
from coernas_moo.benchmarks.score_tables.published import CORRELATIONS, ELSEWHERE, EXPLANATIONS, PAPER, SUBSETS
from coernas_moo.benchmarks.score_tables.raw_values import Measurement
from coernas_moo.files import write_atomically
from coernas_moo.reporting.page import bullets, made_by, markdown_table, paragraph

GAP = 0.03
"""A difference from a published tau that is explained."""

HEAD = "CIFAR-10 / CIFAR-100 / ImageNet16-120, test accuracy after 200 epochs"


def write_rows(rows: Sequence[TableRow], path: Path) -> None:
    """Rows as CSV, in full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0].flat()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.flat() for row in rows)
    write_atomically(path, text.getvalue())


def table1_page(found: Table1, command: str) -> str:
    """Rank correlations of all proxies: at the fidelity of the score, and as the literature measures them.

    Args:
        found: what is shown.
        command: that makes the page.
    """
    rows, check, measured, costs = found.rows, found.check, found.measured, found.costs
    main = [
        [
            _bold(name),
            _each(own, lambda row: row.quality.tau),
            _published(name),
            _each(own, lambda row: row.quality.rho),
            _each(own, lambda row: row.quality.tau_fifth),
            _each(own, lambda row: row.quality.selected, 2),
            f"{costs[name]:.0f}" if name in costs else "",
            f"{own[0].architectures:,}",
            str(own[0].seeds),
        ]
        for name, own in _by_name(rows).items()
    ]
    checked = [
        [
            name,
            _each(own, lambda row: row.quality.tau),
            _each(own, lambda row: row.quality.rho),
            _published(name),
            _gaps(own),
            ELSEWHERE.get(name, ""),
            f"{own[0].architectures:,}",
        ]
        for name, own in _by_name(check).items()
    ]
    wide = [name for name, own in _by_name(check).items() if any(abs(row.gap or 0.0) > GAP for row in own)]
    spread = {name: max(row.tau_std for row in own) for name, own in _by_name(rows).items() if own[0].seeds > 1}
    return "\n".join(
        [
            "# Table 1: rank correlation of training-free proxies with trained accuracy",
            "",
            *made_by(command),
            "",
            paragraph(
                f"""{HEAD}. Raw values of every network are in [values/](values), measures in full precision in
                [table1.csv](table1.csv) and [published.csv](published.csv)."""
            ),
            "",
            "## At the fidelity of the score",
            "",
            *bullets(
                *[_fidelity(raw.measurement) for raw in measured if not raw.measurement.nominal],
                f"""Measures are over all architectures of the column *cells*; equal functions share a value.
                *Top-ranked*: test accuracy of the one with the highest value, ties averaged. Means over
                initialisations, of which the standard deviation of tau is at most
                {_number(max(spread.values(), default=0.0))} ({_number(spread.get(SCORE.name, 0.0))} for the score).""",
                """*ms*: one candidate and initialisation on one core, the proxy by itself, with building and
                initialisation (median of random cells, in turns). `az_nas` and `score` are fusions by the geometric
                mean of ranks; the score's is weighted (see the README).""",
                f"""`vkdnw` costs too much to be compared at the literature's fidelity. Others report
                {ELSEWHERE["vkdnw"]}; the sampling error of tau here is .03.""",
            ),
            "",
            *markdown_table(
                ("proxy", "tau", "published", "rho", "tau, best fifth", "top-ranked, %", "ms", "cells", "inits"), main
            ),
            "",
            "## Against published values",
            "",
            *bullets(
                *[
                    _fidelity(raw.measurement)
                    for raw in measured
                    if raw.measurement.nominal and not raw.measurement.images
                ],
                """`params` and `flops` are the benchmark's own counts, over all of its architectures. The sampling
                error of tau, by bootstrap of the 400, is .02 to .027 for a proxy with a tau above .5 (but .03 for
                `lcmnas`), .025 to .036 for one below; over repeated draws from all architectures it is .014 at 1,000,
                .022 at 400, .044 at 100 for `flops`.""",
                f"""Published: {PAPER}; AZ-NAS: its authors (Lee and Ham 2024). The publication says neither of how many
                architectures its values are nor of which split, and has none for `jacob_cov`, `zen`, `meco`, `near`,
                `vkdnw` and the terms of AZ-NAS.""",
                """*Elsewhere*: quoted, for orientation. These values could not be compared with the papers' tables
                again; EZNAS is said to test on samples of 4,000 architectures, of InTrain's protocol nothing is known
                here.""",
            ),
            "",
            *markdown_table(("proxy", "tau", "rho", "published tau", "gap", "elsewhere", "cells"), checked),
            "",
            f"Gaps over {_number(GAP, 2)}:",
            "",
            *bullets(*(f"`{name}`: {EXPLANATIONS.get(name, 'not explained.')}" for name in wide)),
            "",
            *_images(found),
        ]
    )


def _images(found: Table1) -> list[str]:
    """Noise against images, where there are values on images."""
    if not found.on_images:
        return []
    noise, images = _by_name(found.on_noise), _by_name(found.on_images)
    lines = [
        [name, *(_each(own, lambda row: row.quality.tau) for own in (noise[name], images[name])), _published(name)]
        for name in images
        if name in noise
    ]
    return [
        "## Images instead of noise",
        "",
        *bullets(*(_fidelity(raw.measurement) for raw in found.measured if raw.measurement.images)),
        "",
        *markdown_table(("proxy", "tau, noise", "tau, images", "published tau"), lines),
        "",
    ]


def table2_page(rows: Sequence[TableRow], measurement: Measurement, command: str) -> str:
    """Every subset of the four dimensions, geometric and linear.

    Args:
        rows: of `subsets`.
        measurement: what they are made of.
        command: that makes the page.
    """
    named = _by_name(rows)
    lines = [
        [
            f"**{name}**" if name.count("+") == len(measurement.proxies) - 1 else name,
            _each(own, lambda row: row.quality.tau),
            _each(named[f"{name}, linear"], lambda row: row.quality.tau) if f"{name}, linear" in named else "",
            _each(own, lambda row: row.quality.tau_fifth),
            _each(own, lambda row: row.quality.selected, 2),
        ]
        for name, own in named.items()
        if not name.endswith(", linear")
    ]
    return "\n".join(
        [
            "# Table 2: every subset of the four dimensions",
            "",
            *made_by(command),
            "",
            paragraph(f"{HEAD}; measures in full precision: [table2.csv](table2.csv)."),
            "",
            *bullets(
                _fidelity(measurement),
                """*Geometric*: geometric mean of the dimensions' ranks over all architectures; *linear*: their
                arithmetic mean; both with the weights of the score (regularity counts 1.5). Best fifth and top-ranked
                are those of the geometric mean.""",
            ),
            "",
            *markdown_table(("dimensions", "tau, geometric", "tau, linear", "tau, best fifth", "top-ranked, %"), lines),
            "",
            paragraph(f"Published (COER-NAS 2026, table 2): {'; '.join(SUBSETS.values())}."),
            "",
        ]
    )


def _fidelity(m: Measurement) -> str:
    networks = "networks as the benchmark lists them, dead edges and all" if m.nominal else "canonical networks"
    drawn = "all architectures" if m.cells_drawn is None else f"{m.cells_drawn:,} random architectures"
    return (
        f"{', '.join(f'`{name}`' for name in m.proxies)}: {networks}, {_count(m.cells, 'cell')} a stage, 16 channels, "
        f"batch of {m.batch} {'CIFAR-10' if m.images else 'Gaussian'} images of {m.size}x{m.size}, random labels, "
        f"He initialisation, {_count(len(m.seeds), 'initialisation')}, {drawn}."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"


def _by_name(rows: Sequence[TableRow]) -> dict[str, list[TableRow]]:
    named: dict[str, list[TableRow]] = {}
    for row in rows:
        named.setdefault(row.name, []).append(row)
    return named


def _each(rows: Sequence[TableRow], value: Callable[[TableRow], float], decimals: int = 3) -> str:
    return " / ".join(_number(value(row), decimals) for row in rows)


def _number(value: float, decimals: int = 3) -> str:
    """Without the zero before the point, as the field prints correlations.

    Example:
        >>> _number(0.7125), _number(-0.05), _number(93.456, 2)
        ('.713', '-.050', '93.46')
    """
    text = f"{value:.{decimals}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _gaps(rows: Sequence[TableRow]) -> str:
    gaps = [row.gap for row in rows]
    return " / ".join(f"{gap:+.3f}".replace("0.", ".", 1) for gap in gaps if gap is not None)


def _published(name: str) -> str:
    known = CORRELATIONS.get(name)
    return "" if known is None else " / ".join(_number(tau) for tau in known.tau)


def _bold(name: str) -> str:
    return f"**{name}**" if name == SCORE.name else name
