"""The front of all networks by score, judged by true error."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from numpy.typing import NDArray
from scipy.stats import rankdata

from coernas_moo.benchmarks.score_limit import score_limits
from coernas_moo.benchmarks.score_tables.measurements import OURS
from coernas_moo.benchmarks.score_tables.raw_values import RawValues
from coernas_moo.config import ProblemFile, load_problem
from coernas_moo.errors import ProblemFileError
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.proxies import DIMENSIONS, PROXIES


@pytest.fixture(scope="module")
def texts() -> tuple[str, ...]:
    space = OURS.space
    every = np.stack(np.unravel_index(np.arange(space.size()), space.cardinalities), axis=1)
    return tuple(sorted({space.to_text(space.canonical(genotype)) for genotype in every}))


@pytest.fixture(scope="module")
def rows(table: TabularBenchmark, texts: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([table.row(text) for text in texts])


def raw_values(texts: tuple[str, ...], accuracy: NDArray[np.float64], noise: float) -> RawValues:
    rng = np.random.default_rng(0)
    values = {(n, s): 1e-3 * (accuracy + rng.normal(0, noise, len(texts))) for n in DIMENSIONS for s in OURS.seeds}
    zeros = np.zeros(0, dtype=np.int64)
    return RawValues(OURS, texts, zeros, zeros, values, 0.0)


def problem(**overrides: object) -> ProblemFile:
    return load_problem("nb201-edgegpu-free", {key.replace("__", "."): value for key, value in overrides.items()})


def slow_front(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.array([not ((values <= each).all(axis=1) & (values < each).any(axis=1)).any() for each in values])


def slow_share(values: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    ordered = true[np.lexsort((true[:, 1], true[:, 0]))]
    front = ordered[np.diff(np.minimum.accumulate(ordered[:, 1]), prepend=np.inf) < 0]
    low, span = front.min(axis=0), front.max(axis=0) - front.min(axis=0)

    def area(points: NDArray[np.float64]) -> float:
        scaled = (points - low) / span
        steps = np.unique(np.append(scaled[:, 0], 1.0))
        steps = steps[steps <= 1]
        heights = [max(0.0, 1 - scaled[scaled[:, 0] <= step, 1].min()) for step in steps[:-1]]
        return float(np.diff(steps) @ heights)

    return area(values) / area(front)


@pytest.mark.parametrize("most", [None, 5.0])
def test_limits_are_those_of_a_slow_reference(
    table: TabularBenchmark, texts: tuple[str, ...], rows: NDArray[np.int64], most: float | None
) -> None:
    accuracy, latency = table.accuracy("cifar10", "valid"), table.latency_ms["edgegpu"]
    raw = raw_values(texts, accuracy[rows], 4.0)
    limits = [] if most is None else [f"latency:edgegpu <= {most}"]
    found = score_limits(problem(limits=limits), table, raw)
    assert [(each.problem, each.seed) for each in found] == [("nb201-edgegpu-free", seed) for seed in OURS.seeds]
    within = latency <= (np.inf if most is None else most)
    true = np.stack([100 - accuracy, latency], axis=1)
    assert 100 < within[rows].sum() <= len(rows)
    for each in found:
        values = np.array([raw.values[name, each.seed][within[rows]] for name in DIMENSIONS])
        logs = np.log(rankdata(values, axis=1))
        score = np.array([PROXIES[name].weight for name in DIMENSIONS]) @ logs
        kept = rows[within[rows]]
        chosen = kept[slow_front(np.stack([-np.round(score, 9), latency[kept]], axis=1))]
        assert each.members == len(chosen)
        assert each.share == pytest.approx(slow_share(true[chosen], true[within]))
        assert each.best == pytest.approx(slow_share(true[kept], true[within]))
    assert len({each.share for each in found}) > 1


def test_a_score_that_knows_the_error_reaches_the_best(
    table: TabularBenchmark, texts: tuple[str, ...], rows: NDArray[np.int64]
) -> None:
    (found, *_) = score_limits(problem(), table, raw_values(texts, table.accuracy("cifar10", "valid")[rows], 0.0))
    assert found.share == pytest.approx(found.best)
    assert found.best < 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"objectives": ["error:cifar10", "latency:edgegpu"]}, "no score"),
        ({"space__merge": False}, "space.merge"),
        ({"score__size": 8}, "score.size"),
        ({"score__batch": 8}, "score.batch"),
        ({"score__repeats": 2}, "score.repeats"),
        ({"score__proxies": ["snip"]}, "score.proxies"),
    ],
)
def test_other_problems_are_refused(
    table: TabularBenchmark, texts: tuple[str, ...], overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(ProblemFileError, match=message):
        score_limits(problem(**overrides), table, raw_values(texts, np.zeros(len(texts)), 1.0))


def test_the_command_reads_values_and_writes_a_table(
    table: TabularBenchmark, made_up_table: Path, texts: tuple[str, ...], rows: NDArray[np.int64], tmp_path: Path
) -> None:
    raw = raw_values(texts, table.accuracy("cifar10", "valid")[rows], 4.0)
    values = tmp_path / "values"
    values.mkdir()
    OURS.json(values).write_text(OURS.protocol, encoding="utf-8")
    with OURS.csv(values).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["architecture", "seed", "seconds", *DIMENSIONS])
        for seed in OURS.seeds:
            columns = [raw.values[name, seed].tolist() for name in DIMENSIONS]
            writer.writerows([text, seed, 0.1, *each] for text, *each in zip(texts, *columns, strict=True))
    options = ["--values", str(values), "--table", str(made_up_table / "nb201" / "nb201.npz"), "--workers", "1"]
    out = tmp_path / "out"
    result = CliRunner().invoke(cli, ["bench", "limit", "nb201-edgegpu-free", *options, "--out", str(out)])
    assert result.exit_code == 0, result.output
    expected = score_limits(problem(), table, raw)
    cells = " | ".join(f"{each.share:.4f} ({each.members})" for each in expected)
    assert f"| nb201-edgegpu-free | {cells} | {expected[0].best:.4f} |" in result.stdout
    assert (out / "limit.md").read_text(encoding="utf-8") == result.stdout
    with (out / "limit.csv").open(encoding="utf-8") as file:
        assert [float(row["share"]) for row in csv.DictReader(file)] == [each.share for each in expected]
    # Refused before anything is measured: there are no values in that folder.
    nothing = ["--values", str(tmp_path / "none"), *options[2:]]
    refused = CliRunner().invoke(cli, ["bench", "limit", "nb201-edgegpu", *nothing])
    assert not (tmp_path / "none").exists()
    assert refused.exit_code == 2
    assert "no score among its objectives" in refused.stderr
