"""What was exported, on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from coernas_moo.export import Exported, Model
from coernas_moo.export.check import BATCHES
from coernas_moo.reporting import format as fmt
from coernas_moo.reporting.tables import facts

MOST_CLASSES = 8


def model_facts(model: Model) -> Table:
    """The network that is exported."""
    return facts(iter(_rows(model)))


def exported_table(written: Sequence[Exported]) -> Table:
    """One row a file: its size, and how it compares with torch."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("file", "what it is"):
        table.add_column(name, no_wrap=True)
    for name in ("size", "made in", "largest difference", "latency", "of torch's"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in written:
        table.add_row(
            Text("\n".join(map(str, reversed(each.files)))),
            each.label,
            f"{fmt.count(each.size)}B",
            fmt.duration(each.seconds),
            f"{each.check.probability_difference:.1e}",
            fmt.milliseconds(each.check.latency_ms),
            f"{each.check.latency_ratio:.2g}",
        )
    return table


def check_text() -> Text:
    """What the table's numbers were measured on."""
    return Text(
        f"Each file was read back and run beside the network in torch, on batches of {BATCHES[0]} and {BATCHES[1]} "
        "random images: the largest difference of a probability; the latency of one image on one thread.",
        style="dim",
    )


def _rows(model: Model) -> list[tuple[str, str]]:
    description = model.description
    where = f", {model.directory}" if model.directory is not None else ""
    names = description.classes
    more = f", ... ({len(names)})" if len(names) > MOST_CLASSES else ""
    macs = f", {fmt.count(description.macs)} MACs" if description.macs is not None else ""
    return [
        ("network", description.genotype),
        ("weights", f"trained{where}" if description.trained else "random"),
        ("costs", f"{fmt.count(description.params)} parameters{macs}"),
        ("images", f"{description.shape}, mean {_numbers(description.mean)}, std {_numbers(description.std)}"),
        ("classes", ", ".join(names[:MOST_CLASSES]) + more),
    ]


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)
