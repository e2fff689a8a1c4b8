"""Proxies and fusions against the accuracies of a sample that was trained (`trained_sample`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from coernas_moo.benchmarks.correlation import Fusion
from coernas_moo.benchmarks.ranking import bootstrap_interval, kendall, ranked_last, spearman
from coernas_moo.benchmarks.trained_sample import read_sample
from coernas_moo.proxies import fuse_proxies, score
from coernas_moo.spaces import SearchSpace


@dataclass(frozen=True)
class SampleRow:
    """Agreement of one proxy or fusion with accuracy: Kendall's tau-b and Spearman's rho, 95 % bootstrap intervals."""

    name: str
    tau: float
    tau_low: float
    tau_high: float
    rho: float
    rho_low: float
    rho_high: float


def correlate_sample(
    space: SearchSpace, path: Path, fusions: Sequence[Fusion], *, seeds: Sequence[int] = (0, 1, 2), batch: int = 32
) -> list[SampleRow]:
    """One row a fusion, then one a proxy that a fusion holds; proxies are means over initialisations.

    Args:
        space: at scoring fidelity; the genotypes of the file are read in it.
        path: CSV with columns `genotype` and `accuracy`.
        fusions: what to correlate; ranks are over the sample.
        seeds: one initialisation each.
        batch: images a trace.

    Raises:
        GenotypeError: a genotype of the file does not belong to the space.
    """
    torch.set_num_threads(1)
    sample = read_sample(path)
    accuracies = np.array([float(row["accuracy"]) for row in sample])
    names = tuple(dict.fromkeys(name for fusion in fusions for name in fusion.proxies))
    values = _proxies(space, [row["genotype"] for row in sample], names, seeds, batch)
    columns: Mapping[str, NDArray[np.float64]] = {
        **{f.name: fuse_proxies(f.proxies, np.stack([values[n] for n in f.proxies], axis=1), f.p) for f in fusions},
        **values,
    }
    return [_row(name, ranked_last(column), accuracies) for name, column in columns.items()]


def _proxies(
    space: SearchSpace, texts: Sequence[str], names: tuple[str, ...], seeds: Sequence[int], batch: int
) -> dict[str, NDArray[np.float64]]:
    rows = []
    for text in texts:
        genotype = space.from_text(text)
        found = [
            score(space.build(genotype), space.input_shape, space.classes, batch=batch, seed=seed, proxies=names).values
            for seed in seeds
        ]
        rows.append([np.mean([one[name] for one in found]) for name in names])
    return dict(zip(names, np.array(rows).T, strict=True))


def _row(name: str, values: NDArray[np.float64], accuracies: NDArray[np.float64]) -> SampleRow:
    tau, rho = kendall(values, accuracies), spearman(values, accuracies)
    tau_interval = bootstrap_interval(kendall, values, accuracies)
    return SampleRow(name, tau, *tau_interval, rho, *bootstrap_interval(spearman, values, accuracies))
