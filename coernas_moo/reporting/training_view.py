"""The measures of trained networks as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from coernas_moo.reporting import format as fmt
from coernas_moo.training.assess import Metrics, PartMetrics, mean_and_deviation

COLUMNS = ("params", "MACs", "latency", "accuracy", "95 %", "F1", "macro F1", "recall", "ECE", "trained in")
"""Headings beside the model's; kappa comes after macro F1 where classes are ordinal."""

_SHARES = {
    "accuracy": "accuracy",
    "precision_weighted": "precision, weighted",
    "recall_weighted": "recall, weighted",
    "f1_weighted": "F1, weighted",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
    "f1_macro": "F1, macro",
    "ece": "calibration error",
}


def metrics_columns(found: Sequence[Metrics]) -> tuple[str, ...]:
    """Headings of the table, without the first."""
    columns = list(COLUMNS)
    if any(metrics.test.kappa is not None for metrics in found):
        columns.insert(columns.index("macro F1") + 1, "kappa")
    return tuple(columns)


def metrics_row(metrics: Metrics, with_kappa: bool) -> list[str]:
    """One model's cells, its name first."""
    test = metrics.test
    cells = [
        metrics.name,
        fmt.value("params", metrics.params),
        fmt.value("macs", metrics.macs),
        fmt.milliseconds(metrics.latency_ms),
        fmt.percent(test.accuracy),
        interval(test, "accuracy"),
        fmt.percent(test.f1_weighted),
        fmt.percent(test.f1_macro),
    ]
    if with_kappa:
        cells.append(fmt.UNKNOWN if test.kappa is None else f"{test.kappa:.3f}")
    return [*cells, fmt.percent(test.recall_weighted), fmt.percent(test.ece), fmt.duration(metrics.training_seconds)]


def interval(part: PartMetrics, name: str) -> str:
    """A bootstrap interval of a share; nothing where a model of an earlier version has none."""
    if name not in part.intervals:
        return ""
    low, high = part.intervals[name]
    return f"{100 * low:.1f}–{100 * high:.1f}"


def measure_rows(metrics: Metrics) -> Iterator[tuple[str, str, str]]:
    """All measures of one model: name, value, and the 95 % interval where there is one."""
    test = metrics.test
    for name, label in _SHARES.items():
        yield label, fmt.percent(getattr(test, name)), interval(test, name)
    if test.kappa is not None:
        low, high = test.intervals["kappa"]
        yield "quadratic kappa", f"{test.kappa:.3f}", f"{low:.3f} to {high:.3f}"
    yield "parameters", fmt.value("params", metrics.params), ""
    yield "MACs", fmt.value("macs", metrics.macs), ""
    yield "latency", fmt.milliseconds(metrics.latency_ms), ""
    memory = fmt.UNKNOWN if metrics.peak_memory_mb is None else f"{metrics.peak_memory_mb:,.0f} MB"
    yield "peak memory of training", memory, ""
    searched = fmt.UNKNOWN if metrics.search_seconds is None else fmt.duration(metrics.search_seconds)
    yield "search", searched, ""
    yield "training", fmt.duration(metrics.training_seconds), ""


def class_rows(part: PartMetrics) -> Iterator[tuple[str, str, str, str, str]]:
    """Name, images, precision, recall and F1 of each class."""
    for one in part.per_class:
        yield one.name, f"{one.images:,}", fmt.percent(one.precision), fmt.percent(one.recall), fmt.percent(one.f1)


def seed_lines(found: Sequence[Metrics]) -> Iterator[str]:
    """For each network trained with several seeds, mean and standard deviation of its test accuracy and F1."""
    by_network: dict[str, list[Metrics]] = defaultdict(list)
    for metrics in found:
        by_network[metrics.network].append(metrics)
    for network, members in by_network.items():
        if len(members) > 1:
            accuracy = mean_and_deviation([100 * metrics.test.accuracy for metrics in members])
            f1 = mean_and_deviation([100 * metrics.test.f1_macro for metrics in members])
            yield (
                f"{network}: accuracy {accuracy[0]:.2f} ± {accuracy[1]:.2f} %, macro F1 {f1[0]:.2f} ± {f1[1]:.2f} % "
                f"({len(members)} seeds)"
            )
