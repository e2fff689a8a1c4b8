"""The page of a pipeline table: what was searched against what one would take by hand, and how all were trained."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from coernas_moo.benchmarks.pipeline.judging import RESAMPLES, Interval
from coernas_moo.benchmarks.pipeline.make import Entry, PipelineTable, raw_rows
from coernas_moo.evaluation.evaluator import FORMULAS
from coernas_moo.objectives.latency import device_name
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.page import bullets, made_by, markdown_table, paragraph
from coernas_moo.reporting.pipeline_divisions import divisions_text, span
from coernas_moo.reporting.training_live import kept_text, recipe_text
from coernas_moo.training.assess import mean_and_deviation
from coernas_moo.versions import versions


@dataclass(frozen=True)
class PageText:
    """What a page says beside its numbers.

    Args:
        title: heading.
        name: of the files beside the page.
        command: that makes it.
        before: paragraphs above the table: what the data stands for.
        after: Markdown below: how to run on other data, what was published.
    """

    title: str
    name: str
    command: str
    before: Sequence[str] = ()
    after: Sequence[str] = ()


def pipeline_page(table: PipelineTable, text: PageText) -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            f"# {text.title}",
            "",
            *made_by(text.command),
            "",
            *(line for each in text.before for line in (paragraph(each), "")),
            *bullets(*_protocol(table, text.name)),
            "",
            *_measures(table),
            "",
            *bullets(*(f"*{entry.label}*: `{entry.metrics[0].network}`" for entry in table.entries if entry.searched)),
            "",
            *_differences(table),
            *_classes(table),
            *text.after,
        ]
    )


def raw_csv(table: PipelineTable) -> str:
    """One row a network and repetition."""
    rows = raw_rows(table)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def protocol_json(table: PipelineTable, command: str) -> str:
    """All that it takes to make the numbers again; where the images lie is left out."""
    data = table.data
    settings = {key: value for key, value in table.problem.data.items() if key != "path"}
    problem = msgspec.to_builtins(msgspec.structs.replace(table.problem, data=settings, plugins=()))
    document = {
        "command": command,
        "problem": problem,
        "threads_per_training": 1,
        "trainings_at_once": table.workers,
        "images": {
            "shape": str(data.shape),
            "classes": list(data.classes),
        },
        "repetitions": [
            {
                "seed": one.seed,
                "split_seed": one.problem.train.split_seed,
                "train": len(one.data.train),
                "validation": len(one.data.validation),
                "test": len(one.data.test),
                "division": one.data.fingerprint(),
            }
            for one in table.repetitions
        ],
        "score_formulas": FORMULAS,
        "search": {"evaluations": table.run.state.evaluations, "seconds": table.run.state.seconds},
        "bootstrap_resamples": RESAMPLES,
        "device": device_name(),
        "versions": versions(),
    }
    return json.dumps(document, indent=1) + "\n"


def _protocol(table: PipelineTable, name: str) -> list[str]:
    data, recipe, state = table.data, table.problem.train, table.run.state
    seeds = f"seed{'s' * (len(table.repetitions) > 1)} {span([one.seed for one in table.repetitions])}"
    train, validation, test = (
        span([len(getattr(one.data, part)) for one in table.repetitions]) for part in ("train", "validation", "test")
    )
    largest = span(
        [round(100 * int(one.data.test.labels.bincount().max()) / len(one.data.test)) for one in table.repetitions]
    )
    images = f"""Images: {data.shape}, {len(data.classes)} classes; {train} to train on, {validation} to choose the
        epoch by, {test} to test on, {largest} % of these of one class"""
    limits = f", limits {', '.join(f'`{limit}`' for limit in table.problem.limits)}" if table.problem.limits else ""
    return [
        f"{images}. {divisions_text(table)} No epoch was chosen by the test part.",
        *(f"Note: {message}." for message in table.warnings),
        f"""Search: once, seed {table.problem.search.seed}, {state.evaluations:,} networks evaluated in
        {state.seconds:.0f} s (with measuring latencies of operators, where they were not known), none
        trained{limits}; score of formulas {FORMULAS}. Picks are named as in `coernas train`.""",
        f"""Training: from scratch, {seeds}, the same recipe and number of epochs for all: {recipe_text(recipe)};
        {kept_text(recipe, _validated(table))}. One thread a training, {table.workers} at once.""",
        f"""Accuracy, F1, recall, kappa: mean ± standard deviation over the trainings, test part; weighted averages as
        in the publication, *macro* counts classes alike; intervals: 95 %, test images of each training resampled
        ({RESAMPLES:,} times), the mean taken.
        *Validation* is accuracy on the part that chose the epoch.""",
        f"Every training by itself: [{name}.csv]({name}.csv); protocol: [protocol.json](protocol.json).",
        f"""Latency: one image, one thread, {device_name()}; all networks in turns, median of the rounds. Training
        seconds are wall-clock time of one training, mean; what else the machine does makes them longer.""",
    ]


def _validated(table: PipelineTable) -> bool:
    return any(len(one.data.validation) for one in table.repetitions)


def _measures(table: PipelineTable) -> list[str]:
    kappa = table.data.ordinal
    validated = _validated(table)
    head = ["network", "parameters", "MACs", "latency, ms", "accuracy, %", "95 %", "F1, %", "recall, %"]
    head += ["macro F1, %", "macro recall, %", *(["kappa", "95 %"] if kappa else [])]
    head += [*(["validation, %"] if validated else []), "search, s", "training, s"]
    lines = []
    for entry in table.entries:
        first = entry.metrics[0]
        line = [
            f"**{entry.label}**" if entry.searched else entry.label,
            fmt.count(first.params),
            fmt.count(first.macs),
            f"{entry.speed.median_ms:.2f}",
            _spread(entry, "accuracy"),
            _percent(table.judgement.interval(entry.name, "accuracy")),
            *(_spread(entry, name) for name in ("f1_weighted", "recall_weighted", "f1_macro", "recall_macro")),
        ]
        if kappa:
            values = mean_and_deviation([one.test.kappa or 0.0 for one in entry.metrics])
            line.append(f"{values[0]:.3f}±{values[1]:.3f}")
            interval = table.judgement.interval(entry.name, "kappa")
            line.append(f"{interval.low:.3f} to {interval.high:.3f}")
        if validated:
            judged = [one.validation.accuracy for one in entry.metrics if one.validation]
            line.append(f"{100 * sum(judged) / len(judged):.2f}")
        line.append(f"{table.run.state.seconds:.0f}" if entry.searched else "")
        line.append(f"{sum(one.training_seconds for one in entry.metrics) / len(entry.metrics):,.0f}")
        lines.append(line)
    return markdown_table(head, lines)


def _differences(table: PipelineTable) -> list[str]:
    """Every pick against every other network: size, latency, and accuracy on the same images."""
    picks = [entry for entry in table.entries if entry.searched]
    others = [entry for entry in table.entries if not entry.searched]
    if not picks or not others:
        return []
    measures = ["accuracy", "f1_macro", *(["kappa"] if table.data.ordinal else [])]
    names = {"accuracy": "accuracy, points", "f1_macro": "macro F1, points", "kappa": "kappa"}
    lines = [
        [
            pick.label,
            other.label,
            f"{other.metrics[0].params / pick.metrics[0].params:.1f}",
            f"{other.speed.median_ms / pick.speed.median_ms:.1f}",
            *(_gain(table.judgement.difference(pick.name, other.name, name), name) for name in measures),
        ]
        for pick in picks
        for other in others
    ]
    head = ("pick", "against", "times fewer parameters", "times lower latency", *(names[name] for name in measures))
    text = """Picks against the others: how many times smaller and faster, and by how much better (+) or worse (-),
        with the 95 % interval of the difference on the same resampled images of each training."""
    return [paragraph(text), "", *markdown_table(head, lines), ""]


def _classes(table: PipelineTable) -> list[str]:
    """F1 of every class, which averages hide where classes are rare."""
    support = [
        span([metrics.test.per_class[number].images for metrics in table.entries[0].metrics])
        for number in range(len(table.data.classes))
    ]
    head = ["network", *(f"{name} ({images})" for name, images in zip(table.data.classes, support, strict=True))]
    lines = [
        [
            entry.label,
            *(
                f"{100 * sum(one.test.per_class[number].f1 for one in entry.metrics) / len(entry.metrics):.1f}"
                for number in range(len(table.data.classes))
            ),
        ]
        for entry in table.entries
    ]
    return [
        "F1 of each class in per cent, mean over the trainings (test images of each):",
        "",
        *markdown_table(head, lines),
        "",
    ]


def _spread(entry: Entry, measure: str) -> str:
    mean, deviation = mean_and_deviation([100 * getattr(one.test, measure) for one in entry.metrics])
    return f"{mean:.2f}±{deviation:.2f}"


def _percent(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _gain(found: Interval, measure: str) -> str:
    scale, digits = (1, 3) if measure == "kappa" else (100, 2)
    value, low, high = (scale * number for number in (found.value, found.low, found.high))
    return f"{value:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
