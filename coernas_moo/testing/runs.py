"""A run that was never searched: real networks with made-up proxies, for tests of what reads runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coernas_moo.config import ProblemFile
from coernas_moo.evaluation.journal import Journal
from coernas_moo.evaluation.record import Record
from coernas_moo.search.run import Run
from coernas_moo.search.run_directory import RunDirectory, State


def make_run(path: Path, problem: ProblemFile, networks: int = 40, failures: int = 0, seed: int = 0) -> Run:
    """Write a finished run with random networks and read it back.

    Params and MACs are true; latency grows with the MACs, and every proxy with the params, both with noise.

    Args:
        path: folder of the run, new or empty.
        problem: with data that needs no path.
        networks: genotypes drawn; canonical duplicates count once.
        failures: how many of them are recorded as failed.
        seed: of everything random.
    """
    info = problem.data_settings.open(path.parent).info
    space = problem.space_settings.build(info.shape, len(info.classes))
    directory = RunDirectory(path)
    directory.create(problem)
    rng = np.random.default_rng(seed)
    texts = dict.fromkeys(space.to_text(space.canonical(genotype)) for genotype in space.sample(networks, rng))
    with Journal(directory.journal, "made up", problem.search.seed) as journal:
        for position, text in enumerate(texts):
            plan = space.plan(space.from_text(text))
            costs = {"params": float(plan.params()), "macs": float(plan.macs())}
            costs["latency_ms"] = 0.1 + plan.macs() / 1e6 * float(rng.uniform(0.5, 2))
            proxies = {name: float(np.log(plan.params()) + rng.normal()) for name in problem.score.proxies}
            failed = position < failures
            reason = "ran out of memory" if failed else None
            journal.write(Record(text, {} if failed else proxies, costs, reason, tries=2 if failed else 1, seconds=0.1))
    versions = {"coernas-moo": "0"}
    shape = (info.shape.channels, info.shape.height, info.shape.width)
    directory.write_state(State("finished", "1 generations done", 1, len(texts), 125.0, shape, info.classes, versions))
    return Run(path)
