"""The study on toy landscapes: what it evaluates is what it says, and every variant searches."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "results" / "search-study" / "landscapes.py"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landscapes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["landscapes"] = module
    spec.loader.exec_module(module)
    del sys.modules["landscapes"]
    return module


@pytest.mark.parametrize("settings", [{}, {"size": 2}, {"scattered": True, "cost": True}])
def test_values_are_sums_of_tables(study: ModuleType, settings: dict[str, Any]) -> None:
    landscape = study.Landscape(3, **settings)
    codes = np.random.default_rng(0).integers(0, study.OPTIONS, size=(5, study.ALL_GENES))
    values = landscape.evaluate(codes.astype(float))
    size = settings.get("size", study.GENES)
    for genotype, found in zip(codes, values, strict=True):
        total = 0.0
        for number, table in enumerate(landscape.tables):
            genes = landscape.order[number * size : (number + 1) * size]
            total += table[sum(int(genotype[gene]) * study.OPTIONS**place for place, gene in enumerate(genes))]
        assert found[0] == pytest.approx(-total)
        if "cost" in settings:
            price = sum(landscape.prices[gene, option] for gene, option in enumerate(genotype))
            assert found[1] == pytest.approx(price)
    assert sorted(landscape.order.tolist()) == list(range(study.ALL_GENES))
    assert (landscape.order.tolist() == list(range(study.ALL_GENES))) is not settings.get("scattered", False)


def test_what_was_reached_is_the_best_sum_or_the_area_of_the_front(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "BUDGET", 3)
    single, both = study.Landscape(1), study.Landscape(1, cost=True)
    single.values = [np.array([[-3.0], [-5.0]]), np.array([[-4.0], [-9.0]])]
    assert single.reached() == 5.0
    highest = both.prices.max(axis=1).sum()
    both.values = [np.array([[-3.0, highest - 1.0], [-1.0, highest - 2.0]])]
    assert both.reached() == pytest.approx(3.0 + 1.0)


def test_every_variant_searches(study: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "BUDGET", 4 * study.PRESET.population)
    found = {name: study.search(name, "pairs, with costs", 1) for name in study.VARIANTS}
    assert len(set(found.values())) == len(found)
    assert found["hd-duaas-plain"] > found["random"]


def test_searches_are_those_of_the_study(study: ModuleType) -> None:
    with SCRIPT.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(study.VARIANTS) * len(study.KINDS) * study.LANDSCAPES
    again = [row for row in rows if row["seed"] == "2" and row["algorithm"] not in ("hd-duaas", "random")]
    for row in again:
        found = study.search(row["algorithm"], row["landscapes"], 2)
        assert found == pytest.approx(float(row["reached"]), rel=1e-4), row


def test_the_script_prints_a_table(tmp_path: Path) -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    for setting, small in (("generations=25", "generations=2"), ("LANDSCAPES = 20", "LANDSCAPES = 2")):
        assert setting in text
        text = text.replace(setting, small)
    script = tmp_path / "landscapes.py"
    script.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()]
    assert rows[0][0] == "| algorithm"
    assert rows[2][1:] == ["x1.00"] * 4 + ["x1.00 |"]
    assert len({len(row) for row in rows[2:]}) == 1
    assert len((tmp_path / "landscapes.csv").read_text().splitlines()) == 1 + 2 * 5 * (len(rows) - 2)
