"""A tabular benchmark whose figures are made up, for tests that need its shape and not its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coernas_moo.evaluation.tabular import save_columns
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces import NASBench201


def write_made_up_table(folder: Path) -> None:
    """Write `nb201/nb201.npz` into a folder: all 15,625 cells with additive costs and an error that falls with size.

    The device `edgetpu` cannot run cells whose first edge is `none`.
    """
    space = NASBench201(Shape(3, 32, 32), 10)
    codes = np.stack(np.unravel_index(np.arange(space.size()), space.cardinalities), axis=1)
    rng, edges = np.random.default_rng(0), np.arange(6)
    size = rng.permuted(np.tile([0.1, 0.2, 0.5, 0.9, 0.3], (6, 1)), axis=1)[edges, codes].sum(axis=1)
    latency = size + rng.uniform(0, 1, (6, 5))[edges, codes].sum(axis=1)
    error = 60 / (1 + size) + rng.uniform(0, 2, (6, 5))[edges, codes].sum(axis=1) + rng.normal(0, 0.3, len(size))
    save_columns(
        {
            "arch": np.array([space.to_text(row) for row in codes]),
            "cifar10/valid": 100 - error,
            "cifar10/test": 99 - error,
            "cifar10/params_m": np.rint(size * 1e6) / 1e6,
            "cifar10/flops_m": np.rint(size * 4e7) / 1e6,
            "hw/edgegpu_latency": latency,
            "hw/edgetpu_latency": np.where(codes[:, 0] == 0, -1.0, latency),
            "hw/edgegpu_energy": 5 * latency + size,
        },
        folder / "nb201" / "nb201.npz",
    )
