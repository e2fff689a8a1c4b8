"""The page of `coernas bench refine`: accuracy of the pick with and without refinement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coernas_moo.benchmarks.refinement import EVALUATIONS, RANDOM, SEARCH, SPACED, TOP, RefinedPick
from coernas_moo.reporting.page import bullets, made_by, markdown_table, paragraph

_ARCHIVES = {SEARCH: "search by the score", RANDOM: f"{EVALUATIONS:,} random cells"}


def refine_page(picks: Sequence[RefinedPick], candidates: int, last: int, command: str) -> str:
    """Mean test accuracy of the pick before and after.

    Args:
        picks: of both archives, both rules, all seeds and data sets.
        candidates: of each refinement.
        last: of them that were looked at after 200 epochs.
        command: that makes the page.
    """
    datasets = list(dict.fromkeys(pick.dataset for pick in picks))
    seeds = len({pick.seed for pick in picks})
    rows = []
    for source in _ARCHIVES:
        own = [pick for pick in picks if pick.source == source]
        best = [pick for pick in own if pick.rule == TOP]
        rows.append([_ARCHIVES[source], "no refinement", *(_mean(best, d, "test_before") for d in datasets)])
        for rule in (TOP, SPACED):
            of_rule = [pick for pick in own if pick.rule == rule]
            name = f"**{rule}**" if rule == TOP else rule
            rows.append(["", name, *(_mean(of_rule, d, "test_after") for d in datasets)])
    halves = []
    for rule in (TOP, SPACED):
        for half, remainder in (("even", 0), ("odd", 1)):
            own = [p for p in picks if p.source == SEARCH and p.rule == rule and p.seed % 2 == remainder]
            if own:
                halves.append([rule, half, *(_mean(own, d, "test_after") for d in datasets)])
    return "\n".join(
        [
            "# Refinement on NAS-Bench-201: a little evidence after the score",
            "",
            *made_by(command),
            "",
            paragraph(
                f"""Test accuracy of the pick after 200 epochs in per cent, mean ± standard deviation of {seeds} seeds;
                each pick is in [picks.csv](refine/picks.csv). Only validation accuracies decide: those after 12 epochs
                leave {last} of {candidates} candidates, those after 200 epochs one of them. Without refinement the
                best score is picked."""
            ),
            "",
            *markdown_table(("archive", f"{candidates} candidates", *datasets), rows),
            "",
            *bullets(
                f"""Archives: searches by the score alone (HD-DUAAS, preset 4, at most {EVALUATIONS:,} distinct
                networks), and {EVALUATIONS:,} random cells, equal functions once. Values of the score are those of
                [table 1](table1/table1.md), its initialisations in turn.""",
                f"""*{TOP}*, which `coernas refine` does (half of them from the front, where there are costs): the
                first of the archive. *{SPACED}*: by score too, but two candidates differ in at least half of their
                genes, because a search that has converged ends with variants of one network.""",
                "What it changes, points of accuracy (seeds that get better and worse): "
                + "; ".join(_changes(picks, source, datasets) for source in _ARCHIVES)
                + ".",
                """Each data set's pick is decided by its own validation accuracies; the score sees none of them.""",
            ),
            "",
            paragraph(
                """Test accuracy chose the rule. With an earlier score, whose searches ended with many variants of a
                mediocre network (69.6 on CIFAR-100 without refinement, 72.5 with it), it was half the genes apart,
                among the best by score, candidates spread over the best 5 to 30 % of the archive, candidates 2, 3 or 4
                of the 6 genes apart, and some more. A score that ends near the optimum leaves little to gain, and
                distance passed good networks over in the searches by which the rule was chosen again. Half of the seeds
                each, of the search of now:"""
            ),
            "",
            *markdown_table(("searches: candidates", "seeds", *datasets), halves),
            "",
        ]
    )


def _changes(picks: Sequence[RefinedPick], source: str, datasets: Sequence[str]) -> str:
    """By how much the rule that ships betters an archive's picks."""
    cells = []
    for dataset in datasets:
        own = [pick for pick in picks if (pick.source, pick.rule, pick.dataset) == (source, TOP, dataset)]
        gains = np.array([pick.test_after - pick.test_before for pick in own])
        cells.append(f"{dataset} {gains.mean():+.2f} ({(gains > 0).sum()}, {(gains < 0).sum()})")
    return f"{_ARCHIVES[source]} {', '.join(cells)}"


def _mean(picks: Sequence[RefinedPick], dataset: str, which: str) -> str:
    values = [getattr(pick, which) for pick in picks if pick.dataset == dataset]
    return f"{np.mean(values):.2f}±{np.std(values, ddof=1) if len(values) > 1 else 0.0:.2f}"
