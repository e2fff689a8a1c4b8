"""The study on toy landscapes: what it evaluates is what it says, and every variant searches."""

from __future__ import annotations

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


def test_what_was_reached_is_the_best_sum_or_the_area_of_the_front(study: ModuleType) -> None:
    single, both = study.Landscape(1), study.Landscape(1, cost=True)
    single.values = [np.array([[-3.0], [-5.0]]), np.array([[-4.0]])]
    assert single.reached() == 5.0
    highest = both.prices.max(axis=1).sum()
    both.values = [np.array([[-3.0, highest - 1.0], [-1.0, highest - 2.0]])]
    assert both.reached() == pytest.approx(3.0 + 1.0)


def test_every_variant_searches_within_the_budget_and_again_the_same(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "BUDGET", 4 * study.PRESET.population)
    kind = "pairs, with costs"
    found = {name: study.search(name, kind, 1) for name in study.VARIANTS}
    assert len(set(found.values())) == len(found)
    assert found["hd-duaas-plain"] > found["random"]
    assert study.search("hd-duaas", kind, 1) == found["hd-duaas"]


def test_the_script_prints_a_table(tmp_path: Path) -> None:
    script = tmp_path / "landscapes.py"
    script.write_text(SCRIPT.read_text(encoding="utf-8").replace("generations=25", "generations=2"), encoding="utf-8")
    done = subprocess.run([sys.executable, script, "2"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()]
    assert rows[0][0] == "| algorithm"
    assert rows[2][1:] == ["x1.00"] * 4 + ["x1.00 |"]
    assert len({len(row) for row in rows[2:]}) == 1
    assert len((tmp_path / "landscapes.csv").read_text().splitlines()) == 1 + 2 * 5 * (len(rows) - 2)
