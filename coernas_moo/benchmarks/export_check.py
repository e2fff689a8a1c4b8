"""How faithfully and how fast exports compute, over random networks of a space."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from coernas_moo._version import __version__
from coernas_moo.export import FORMATS, Description, Model
from coernas_moo.export.check import check
from coernas_moo.networks.init import he_init
from coernas_moo.spaces.space import SearchSpace


@dataclass(frozen=True)
class ExportRow:
    """One network in one format.

    Args:
        text: canonical genotype.
        format: suffix.
        seconds: to make the file.
        probability_difference, logit_difference, latency_ratio: see `coernas_moo.export.Check`.
    """

    text: str
    format: str
    seconds: float
    probability_difference: float
    logit_difference: float
    latency_ratio: float


@dataclass(frozen=True)
class ExportSummary:
    """One format over all networks: medians, and the largest differences."""

    format: str
    networks: int
    median_seconds: float
    largest_probability_difference: float
    largest_logit_difference: float
    median_latency_ratio: float
    slowest_latency_ratio: float


def check_exports(
    space: SearchSpace,
    networks: int,
    seed: int,
    formats: Sequence[str],
    report: Callable[[int, int], None] = lambda *_: None,
) -> list[ExportRow]:
    """Export random canonical networks, He-initialised with statistics of the norms from one batch, and compare.

    Args:
        space: at full size.
        networks: how many.
        seed: of networks, weights and images.
        formats: suffixes.
        report: gets how many exports are done, and how many there will be.

    Raises:
        ExportError: an export computes something else than its network.
    """
    rng = np.random.default_rng(seed)
    texts = [space.to_text(space.canonical(genotype)) for genotype in space.sample(networks, rng)]
    rows = []
    for text in texts:
        model = settled_model(space, text, seed)
        for suffix in formats:
            begin = time.perf_counter()
            artifact = FORMATS[suffix].make(model, f"model{suffix}")
            seconds = time.perf_counter() - begin
            checked = check(artifact, model)
            rows.append(
                ExportRow(
                    text,
                    suffix,
                    seconds,
                    checked.probability_difference,
                    checked.logit_difference,
                    checked.latency_ratio,
                )
            )
            report(len(rows), networks * len(formats))
    return rows


def summaries(rows: Sequence[ExportRow]) -> list[ExportSummary]:
    """One line a format, in the order of the rows."""
    found = []
    for suffix in dict.fromkeys(row.format for row in rows):
        own = [row for row in rows if row.format == suffix]
        found.append(
            ExportSummary(
                suffix,
                len(own),
                statistics.median(row.seconds for row in own),
                max(row.probability_difference for row in own),
                max(row.logit_difference for row in own),
                statistics.median(row.latency_ratio for row in own),
                max(row.latency_ratio for row in own),
            )
        )
    return found


def settled_model(space: SearchSpace, text: str, seed: int) -> Model:
    """An untrained network as if after training: its norms know the statistics of what they get.

    Without them logits grow with the depth, and every probability is 0 or 1, whatever the logits are.
    """
    plan = space.plan(space.from_text(text))
    module = plan.build()
    he_init(module, torch.Generator().manual_seed(seed))
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None
    images = torch.randn(32, *plan.input_shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        module.train()(images)
    channels, height, width = plan.input_shape
    description = Description(
        name="random",
        genotype=text,
        classes=tuple(map(str, range(space.classes))),
        channels=channels,
        height=height,
        width=width,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        trained=True,
        params=plan.params(),
        macs=plan.macs(),
        written_by=f"coernas-moo {__version__}",
    )
    return Model(plan, module.eval(), description)
