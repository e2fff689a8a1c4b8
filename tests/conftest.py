from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "passive"

import numpy as np
import pytest
import torch
from PIL import Image
from pipelines import SETTINGS, SMALL, one_layer_is_known
from runs import TINY, MakeProblem

from coernas_moo.benchmarks.pipeline.make import PipelineTable, pipeline_table
from coernas_moo.config import ProblemFile, load_problem, parse_problem
from coernas_moo.datasets import DATASETS
from coernas_moo.evaluation.tabular import DATA_VARIABLE, TabularBenchmark
from coernas_moo.export import FORMATS
from coernas_moo.networks.known import BASELINES
from coernas_moo.networks.pools import POOLS
from coernas_moo.networks.units import UNITS
from coernas_moo.objectives import OBJECTIVES
from coernas_moo.proxies import PROXIES
from coernas_moo.registry import Registry
from coernas_moo.search.algorithms import ALGORITHMS
from coernas_moo.search.loop import run_search
from coernas_moo.search.run import Run
from coernas_moo.spaces import SPACES
from coernas_moo.testing.runs import make_run
from coernas_moo.testing.tables import write_made_up_table

# A background job of a shell starts with Ctrl-C ignored; the tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COERNAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _registries_as_before() -> Iterator[None]:
    """What a test registers is gone after it: other tests go through all that is registered."""
    registries: list[Registry[Any]] = [
        UNITS,
        POOLS,
        SPACES,
        DATASETS,
        PROXIES,
        OBJECTIVES,
        ALGORITHMS,
        BASELINES,
        FORMATS,
    ]
    before = [dict(registry._entries) for registry in registries]
    yield
    for registry, entries in zip(registries, before, strict=True):
        registry._entries.clear()
        registry._entries.update(entries)


def make(**overrides: object) -> ProblemFile:
    return parse_problem(TINY, "tiny.toml", Path.cwd(), {key.replace("__", "."): v for key, v in overrides.items()})


@pytest.fixture
def tiny() -> MakeProblem:
    """Makes the tiny problem; `search__seed=3` sets `search.seed`."""
    return make


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny run, finished and not to be changed."""
    return run_search(make(), tmp_path_factory.mktemp("finished") / "run")


@pytest.fixture(scope="session")
def made_up_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `COERNAS_DATA` could name, with a table whose figures are made up."""
    folder = tmp_path_factory.mktemp("table")
    write_made_up_table(folder)
    return folder


@pytest.fixture(scope="session")
def table(made_up_table: Path) -> TabularBenchmark:
    return TabularBenchmark.load(made_up_table / "nb201" / "nb201.npz")


@pytest.fixture
def table_here(made_up_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(made_up_table))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of grey images of 8x8 pixels in two classes that can be told apart: dark and light."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        folder = tmp_path / "photographs" / name
        folder.mkdir(parents=True)
        for number in range(20):
            pixels = rng.normal(level, 20, (8, 8)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photographs"


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current directory is empty, and so is the cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COERNAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def digits_run(in_empty_folder: None) -> Path:
    """A run of the digits with networks that are trained in a second, where new runs land."""
    settings = {"space.stages": 2, "space.max_depth": 1, "space.base_width": 4, "train.epochs": 1, "train.batch": 256}
    make_run(Path("results/runs/digits-1"), load_problem("digits", settings), networks=12)
    return Path("results/runs/digits-1")


@pytest.fixture
def csv_of_grades(in_empty_folder: None) -> Path:
    """Three grades of brightness, two images a patient; 12 patients a grade."""
    rng = np.random.default_rng(0)
    rows = ["id_code,diagnosis"]
    Path("eyes/train_images").mkdir(parents=True)
    for patient in range(36):
        for eye in ("left", "right"):
            grade = patient % 3
            pixels = rng.normal(60 + 60 * grade, 10, (8, 8)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(f"eyes/train_images/{patient}_{eye}.png")
            rows.append(f"{patient}_{eye},{grade}")
    Path("eyes/train.csv").write_text("\n".join(rows))
    return Path("eyes")


@pytest.fixture(scope="module")
def one_layer_known() -> Iterator[None]:
    """A baseline of one layer, and latencies measured in no time."""
    with one_layer_is_known():
        yield


@pytest.fixture
def small_digits() -> ProblemFile:
    """The smallest problem of pipeline tables."""
    return load_problem("digits", SMALL)


@pytest.fixture(scope="module")
def pipeline_made_once(one_layer_known: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineTable, Path]:
    """A pipeline table of the smallest problem, and its run directory, which must not be changed."""
    folder = tmp_path_factory.mktemp("pipeline") / "run"
    return pipeline_table(load_problem("digits", SMALL), folder, SETTINGS), folder
