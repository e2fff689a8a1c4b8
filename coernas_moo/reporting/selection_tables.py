"""The pages of tables 3 and 5: what searches on NAS-Bench-201 end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from coernas_moo.benchmarks.correlation import SCORE
from coernas_moo.benchmarks.score_tables.published import PRESETS, SELECTED
from coernas_moo.benchmarks.score_tables.selections import BUILT, EVALUATIONS, RANDOM, SCORED, Selection
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.reporting.page import bullets, made_by, markdown_table, paragraph


def table3_page(
    selections: Sequence[Selection],
    table: TabularBenchmark,
    datasets: Sequence[str],
    costs: Mapping[str, float],
    workers: int,
    command: str,
) -> str:
    """What searches by each proxy end with.

    Args:
        selections: the searches, methods in the order of the rows.
        table: accuracies.
        datasets: of the table.
        costs: milliseconds a candidate by proxy.
        workers: processes.
        command: that makes the page.
    """
    methods: dict[str, list[Selection]] = {}
    for selection in selections:
        methods.setdefault(selection.method, []).append(selection)
    lines = []
    for method, own in methods.items():
        accuracies = [_mean_and_deviation(own, table, dataset) for dataset in datasets]
        seconds = _seconds(own, costs.get(SCORE.name if method.startswith(RANDOM) else method), workers)
        known = SELECTED.get(method)
        published = " ; ".join(known.accuracies) if known is not None else ""
        name = f"**{method}**" if method in (SCORED, BUILT) else method
        lines.append([name, *accuracies, seconds, own[0].how, str(len(own)), published])
    best = [
        f"{table.accuracy(dataset).max():.2f} / {table.accuracy(dataset, 'valid').max():.2f}" for dataset in datasets
    ]
    lines.append(["optimum", *best, "", "", "", " ; ".join(SELECTED["optimum"].accuracies)])
    seeds = max(len(own) for own in methods.values())
    return "\n".join(
        [
            "# Table 3: what a search on NAS-Bench-201 ends with",
            "",
            *made_by(command),
            "",
            paragraph(_HEAD.format(searches=f"{seeds} searches", file="table3.csv")),
            "",
            *bullets(
                f"""Every search: HD-DUAAS, preset 4, one objective, at most {EVALUATIONS:,} distinct networks of the
                4,930, seeds 1 to {seeds}; the architecture with the best score is selected, ranks by the
                first population. The same search does for all data sets: the score sees none of them.""",
                f"""*looked up*: values are those of [table 1](../table1/table1.md), not built anew. Of the proxies of
                the literature there is one initialisation, so the spread is that of the search; the score's three take
                turns. Seconds are estimated: the search itself, plus evaluations times the proxy's own cost over
                {workers} workers.""",
                f"""*built*: real searches, `coernas search nb201` with the score as its only objective, one
                initialisation each, that of the seed; wall seconds on {workers} workers, everything included.""",
                f"""*sampled*: values of only some networks are known; the best of those, or of a random
                {EVALUATIONS:,} of them, is selected, which is always the same one where fewer are known.""",
                f"""*random*: one uniformly random cell. *random search by the score*: the best by the score of
                {EVALUATIONS:,} random networks.""",
                "Published: COER-NAS 2026, table 3, in the order of the columns; its seconds are those of a GPU.",
            ),
            "",
            *markdown_table(("selected by", *datasets, "s", "how", "searches", "published"), lines),
            "",
        ]
    )


def table5_page(
    selections: Sequence[Selection],
    table: TabularBenchmark,
    datasets: Sequence[str],
    cost: float,
    workers: int,
    command: str,
) -> str:
    """Presets 1 to 5; arguments as for `table3_page`, `cost` that of the score in milliseconds."""
    lines = []
    for number, (accuracy, seconds) in PRESETS.items():
        own = [selection for selection in selections if selection.method == f"preset {number}"]
        evaluations = np.mean([selection.evaluations for selection in own])
        accuracies = [_mean_and_deviation(own, table, dataset) for dataset in datasets]
        lines.append(
            [str(number), *accuracies, f"{evaluations:,.0f}", _seconds(own, cost, workers), accuracy, f"{seconds:,}"]
        )
    seeds = len(selections) // len(PRESETS)
    return "\n".join(
        [
            "# Table 5: the presets of HD-DUAAS on NAS-Bench-201",
            "",
            *made_by(command),
            "",
            paragraph(_HEAD.format(searches=f"{seeds} searches by the score", file="table5.csv")),
            "",
            *bullets(
                """Budget: population times generations; a search ends before where nothing new is found. The space
                holds 4,930 distinct networks: presets 2 and 5 see most or all of it.""",
                f"""Values are looked up, three initialisations in turn; seconds are estimated: the search itself, plus
                evaluations times {cost:.1f} ms over {workers} workers.""",
                "Published: COER-NAS 2026, table 5, which does not say of which data its accuracies are; GPU seconds.",
            ),
            "",
            *markdown_table(("preset", *datasets, "evaluations", "s", "published %", "published s"), lines),
            "",
        ]
    )


_HEAD = """Test / validation accuracy after 200 epochs in per cent, mean ± standard deviation over the architectures
that {searches} selected; each of them is in [{file}]({file})."""


def _seconds(own: Sequence[Selection], milliseconds: float | None, workers: int) -> str:
    if own[0].how == "drawn":
        return ""
    each = float("nan") if milliseconds is None else milliseconds / 1000 / workers
    spent = [s.seconds + (0.0 if s.how == "built" else s.evaluations * each) for s in own]
    return f"{np.mean(spent):.0f}" if np.isfinite(spent).all() else ""


def _mean_and_deviation(own: Sequence[Selection], table: TabularBenchmark, dataset: str) -> str:
    rows = [table.row(selection.architecture) for selection in own]
    parts = []
    for split in ("test", "valid"):
        values = table.accuracy(dataset, split)[rows]
        parts.append(f"{values.mean():.2f}±{values.std(ddof=1) if len(values) > 1 else 0.0:.2f}")
    return " / ".join(parts)
