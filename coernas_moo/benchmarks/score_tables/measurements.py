"""What the tables measure: the score's dimensions and the proxies of the literature, at two fidelities."""

from __future__ import annotations

from collections.abc import Mapping

from coernas_moo.benchmarks.score_tables.raw_values import Measurement
from coernas_moo.evaluation.evaluator import FORMULAS
from coernas_moo.proxies import DIMENSIONS

SEEDS = (0, 1, 2)
"""Initialisations of the score."""

QUICK = (
    "params",
    "flops",
    "snip",
    "synflow",
    "grad_norm",
    "naswot",
    "zico",
    "lcmnas",
    "epads",
    "jacob_cov",
    "az_expressivity",
    "az_progressivity",
    "az_trainability",
    "az_complexity",
)
"""Those that are compared first: about 150 ms a candidate together, at scoring fidelity."""

SLOW = ("zen", "meco", "near", "grasp", "grad_sign")
"""About 200 ms together."""

VERY_SLOW = ("vkdnw",)
"""Six tenths of a second."""

CLASSIC = (*QUICK, *SLOW, *VERY_SLOW)
"""All proxies of the literature."""

OURS = Measurement("score", DIMENSIONS, SEEDS, formulas=FORMULAS)
ALIKE = (
    OURS,
    Measurement("classic-quick", QUICK),
    Measurement("classic-slow", SLOW, cells_drawn=2000),
    Measurement("classic-very-slow", VERY_SLOW, cells_drawn=200),
)
"""At the fidelity of the score: canonical networks, one cell a stage, 32 images of 16x16."""

AS_PUBLISHED = (Measurement("published", (*QUICK, "grasp", "grad_sign"), cells=5, nominal=True, cells_drawn=400),)
"""Networks as the literature takes them: as the benchmark lists them, five cells a stage. Its images are 32x32 and its
batches 64 or more, which cost eight times as much here and change tau little (see `results/score-study.md`)."""

ON_IMAGES = Measurement(
    "published-images",
    ("naswot", "epads", "lcmnas", "jacob_cov"),
    cells=5,
    size=32,
    nominal=True,
    cells_drawn=100,
    images=True,
)
"""Those that read how images differ, on images and resolution of CIFAR-10; the literature's differ from noise."""

ALL: Mapping[str, Measurement] = {m.name: m for m in (*ALIKE, *AS_PUBLISHED, ON_IMAGES)}
