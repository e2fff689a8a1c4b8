"""A sample of trained networks, and what proxies say of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from coernas_moo.cli.main import cli
from PIL import Image
from scipy.stats import kendalltau

from coernas_moo.benchmarks.correlation import Fusion
from coernas_moo.benchmarks.sample_correlation import correlate_sample
from coernas_moo.benchmarks.trained_sample import Recipe, read_sample, train_network, train_sample
from coernas_moo.datasets import Dataset, FolderSettings, standardise
from coernas_moo.errors import DataError
from coernas_moo.networks.init import he_init
from coernas_moo.spaces import SearchSpace, SeparableSettings

SETTINGS = {"stages": 2, "max_depth": 2, "base_width": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark squares, easy to tell apart."""
    root = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    for split, count in (("train", 48), ("test", 12)):
        for name, level in (("dark", 60), ("light", 190)):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.normal(level, 20, (8, 8)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    return FolderSettings(path=str(folder)).open(Path())


@pytest.fixture(scope="module")
def space(data: Dataset) -> SearchSpace:
    return SeparableSettings(**SETTINGS).build(data.info.shape, 2)


def test_training_learns_what_is_easy_and_repeats_itself(space: SearchSpace, data: Dataset) -> None:
    splits = [data.load(name) for name in ("train", "test")]
    tensors = tuple(part for s in splits for part in (standardise(s.images), s.labels))
    assert len(tensors) == 4
    accuracies = []
    for _ in range(2):
        network = space.build(space.from_text("conv3:max/conv3:avg"))
        he_init(network, torch.Generator().manual_seed(1))
        accuracy, seconds = train_network(network, tensors, Recipe(epochs=6, batch=16), seed=1)
        assert seconds > 0
        accuracies.append(accuracy)
    assert accuracies[0] == accuracies[1] >= 90


def test_a_sample_goes_on_where_it_stopped(space: SearchSpace, data: Dataset, tmp_path: Path) -> None:
    path, straight = tmp_path / "deep" / "sample.csv", tmp_path / "straight.csv"
    trained: list[str] = []
    recipe = Recipe(epochs=1, batch=32)
    for networks in (2, 4):
        train_sample(
            space, data, path, networks=networks, recipe=recipe, on_network=lambda text, *_: trained.append(text)
        )
    train_sample(space, data, straight, networks=4, recipe=recipe)
    assert len(trained) == len(set(trained)) == 4
    for one, other in zip(read_sample(path), read_sample(straight), strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}
        assert int(one["params"]) == space.params(space.from_text(one["genotype"]))


def test_what_is_in_the_file_has_to_be_of_the_same_sample(space: SearchSpace, data: Dataset, tmp_path: Path) -> None:
    path, recipe = tmp_path / "sample.csv", Recipe(epochs=1, batch=32)
    train_sample(space, data, path, networks=2, recipe=recipe)
    before = path.read_text(encoding="utf-8")
    for seed, epochs in ((1, 1), (0, 2)):
        with pytest.raises(DataError, match=r"sample\.csv: its networks were trained with another"):
            train_sample(space, data, path, networks=3, seed=seed, recipe=replace(recipe, epochs=epochs))
    other = SeparableSettings(**{**SETTINGS, "max_depth": 1}).build(space.input_shape, 2)
    with pytest.raises(DataError, match="of another space"):
        train_sample(other, data, path, networks=3, recipe=recipe)
    train_sample(space, data, path, networks=1, recipe=recipe)
    assert path.read_text(encoding="utf-8") == before


def test_a_space_with_fewer_networks_than_asked_for_is_told(space: SearchSpace, data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the space has [\d,]+ networks, fewer than the 10,000,000 asked for"):
        train_sample(space, data, tmp_path / "sample.csv", networks=10_000_000)


def test_correlation_with_a_sample(space: SearchSpace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = list(dict.fromkeys(space.to_text(space.canonical(g)) for g in space.sample(12, rng)))
    reduced = space.reduced()
    macs = [reduced.macs(reduced.from_text(text)) for text in texts]
    path = tmp_path / "sample.csv"
    path.write_text("genotype,accuracy\n" + "".join(f'"{t}",{m / 1e6}\n' for t, m in zip(texts, macs, strict=True)))
    rows = correlate_sample(reduced, path, [Fusion("pair", ("regularity", "robustness"))], seeds=(0,), batch=4)
    assert [row.name for row in rows] == ["pair", "regularity", "robustness"]
    assert rows[1].tau == pytest.approx(kendalltau(macs, macs).statistic)
    assert rows[1].rho == pytest.approx(1)
    assert all(row.tau_low - 1e-9 <= row.tau <= row.tau_high + 1e-9 for row in rows)
    assert all(row.rho_low - 1e-9 <= row.rho <= row.rho_high + 1e-9 for row in rows)
    assert all(row.rho_high - row.rho_low > 0.1 for row in rows if row.name == "robustness")


def test_commands(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = [part for key, value in SETTINGS.items() for part in ("--set", f"space.{key}={value}")]

    def coernas(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, [*arguments, *options])
        assert result.exit_code == 0, result.output
        return result

    coernas("bench", "sample", str(folder), "--networks", "4", "--epochs", "1", "--out", "sample.csv")
    assert len(read_sample(Path("sample.csv"))) == 4
    found = json.loads(coernas("bench", "sample-correlation", "sample.csv", str(folder), "--seeds", "1").stdout)
    assert found["rows"][0]["name"] == "score"
    assert found["protocol"]["scoring_shape"] == "1x8x8"
