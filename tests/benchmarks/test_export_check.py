from __future__ import annotations

import json

from click.testing import CliRunner
from coernas_moo.cli.main import cli

from coernas_moo.benchmarks.export_check import ExportRow, check_exports, summaries
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace


def test_random_networks_are_exported_and_compared() -> None:
    space = SeparableSpace(Shape(1, 8, 8), 3, SeparableSettings(stages=2, max_depth=1, base_width=4))
    done: list[tuple[int, int]] = []
    rows = check_exports(space, 2, 0, [".py", ".pt2"], lambda *progress: done.append(progress))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [row.format for row in rows] == [".py", ".pt2", ".py", ".pt2"]
    assert all(space.to_text(space.canonical(space.from_text(row.text))) == row.text for row in rows)
    assert all(row.probability_difference < 1e-5 and row.latency_ratio > 0 for row in rows)
    again = check_exports(space, 2, 0, [".py"])
    assert [row.text for row in again] == [row.text for row in rows[::2]]


def test_summaries_are_medians_and_the_worst() -> None:
    rows = [ExportRow("a", ".py", seconds, seconds / 10, seconds / 100, seconds) for seconds in (1.0, 2.0, 6.0)]
    (summary,) = summaries(rows)
    assert (summary.format, summary.networks, summary.median_seconds) == (".py", 3, 2.0)
    assert (summary.largest_probability_difference, summary.largest_logit_difference) == (0.6, 0.06)
    assert (summary.median_latency_ratio, summary.slowest_latency_ratio) == (2.0, 6.0)


def test_the_command_prints_one_json_document() -> None:
    result = CliRunner().invoke(cli, ["bench", "export", "digits", "--to", ".py", "--networks", "1"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["formats"][0]["format"] == ".py"
    assert document["protocol"]["problem"] == "digits"
    result = CliRunner().invoke(cli, ["bench", "export", "digits", "--to", ".tflite", "--networks", "1"])
    assert result.exit_code == 2
    assert "no export format named '.tflite'" in result.stderr
