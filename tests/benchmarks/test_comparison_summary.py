"""Comparisons on several problems side by side."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from coernas_moo.cli.main import cli
from scipy.stats import gmean, ttest_1samp, wilcoxon

from coernas_moo.benchmarks.comparison_summary import FLOOR, Finished, RegretRatio, read_finished, regret_ratios
from coernas_moo.errors import CoernasError, RunError
from coernas_moo.reporting.comparison_summary import ratios_table, summary_csv, summary_tables

CURVES = {"ours": [[0.5, 0.9], [0.7, 0.98]], "nsga2": [[0.4, 0.8], [0.6, 0.88]], "other": [[0.1, 1.0], [0.1, 1.0]]}


def write(folder: Path) -> Path:
    folder.mkdir()
    contests = [{"rival": name, "p": 0.01, "effect": 1.0, "outcome": "won"} for name in ("nsga2", "other")]
    document = {"algorithms": dict.fromkeys(CURVES), "contests": contests}
    (folder / "comparison.json").write_text(json.dumps(document))
    rows = ["algorithm,seed,hypervolume_10,hypervolume_20"]
    rows += [f"{name},{i},{a},{b}" for name, curves in CURVES.items() for i, (a, b) in enumerate(curves, start=1)]
    (folder / "comparison.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    return read_finished(write(tmp_path / "p"))


def test_regret_and_evaluations_are_those_of_medians(finished: Finished) -> None:
    assert finished.regret_ratio("nsga2") == pytest.approx(0.06 / 0.16)
    assert finished.regret_ratio("other") == float("inf")
    assert finished.evaluations_to("nsga2") == 20
    assert finished.evaluations_to("other") is None
    assert finished.best(["nsga2", "other"]) == "other"
    assert finished.at("ours", 15).tolist() == [0.5, 0.7]


def test_ratios_are_geometric_means_over_pairs(finished: Finished) -> None:
    ratios = regret_ratios([finished], 20)
    pairs = np.array([(0.2 + FLOOR) / (0.1 + FLOOR), (0.12 + FLOOR) / (0.02 + FLOOR)])
    found = ratios["nsga2"]
    assert found.ratio == pytest.approx(gmean(pairs))
    interval = ttest_1samp(np.log(pairs), 0).confidence_interval()
    assert (np.log(found.low), np.log(found.high)) == pytest.approx(tuple(interval))
    assert (found.worse_on, found.problems, found.pairs) == (1, 1, 2)
    assert ratios["ours"] == RegretRatio(1, 1, 1, 0, 1, 2)
    twice = regret_ratios([finished, finished], 20)["nsga2"]
    assert twice.ratio == pytest.approx(found.ratio)
    assert (twice.worse_on, twice.problems, twice.pairs) == (2, 2, 4)


def test_ratios_to_another_algorithm_are_the_inverse(finished: Finished) -> None:
    turned, found = regret_ratios([finished], 20, "nsga2")["ours"], regret_ratios([finished], 20)["nsga2"]
    assert turned.ratio == pytest.approx(1 / found.ratio)
    assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low))
    assert turned.worse_on == 0
    with pytest.raises(CoernasError, match="p: no search of 'nobody'"):
        regret_ratios([finished], 20, "nobody")


def test_a_single_pair_has_no_interval(finished: Finished) -> None:
    single = replace(finished, curves={name: curves[:1] for name, curves in finished.curves.items()})
    assert np.isnan(regret_ratios([single], 20)["nsga2"].high)
    assert ["nsga2", "x2.00", "1 of 1"] in ratios_table([single], [20]).rows


def test_an_algorithm_that_some_comparison_lacks_has_no_ratio(finished: Finished) -> None:
    less = replace(finished, curves={name: finished.curves[name] for name in ("ours", "nsga2")})
    assert list(regret_ratios([finished, less], 20)) == ["ours", "nsga2"]


def test_every_search_is_a_row(finished: Finished) -> None:
    rows = list(csv.DictReader(io.StringIO(summary_csv([finished], [10, 20]))))
    assert len(rows) == 6
    assert float(rows[1]["regret_20"]) == pytest.approx(0.02)


def test_the_command_prints_and_writes_tables(tmp_path: Path) -> None:
    folders = [str(write(tmp_path / name)) for name in ("a", "b_c")]
    out = tmp_path / "out"
    found = CliRunner().invoke(cli, ["summary", *folders, "--rivals", "nsga2", "--at", "10,20", "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert "| a | 0.38 | 20 | won (0.01) |" in found.output
    assert "Of 2 contests: 2 won, 0 tied, 0 lost" in found.output
    assert (out / "summary.md").read_text() == found.output
    lines = (out / "summary.tex").read_text().splitlines()
    assert lines.count(r"\begin{tabular}{lrrr}") == lines.count(r"\end{tabular}") == 3
    assert r"b\_c & 0.38 & 20 & won (0.01) \\" in lines
    corrected = "(p after Holm's correction over all rivals of a comparison in brackets)"
    assert f"% Of 2 contests: 2 won, 0 tied, 0 lost {corrected}." in lines
    assert "% Corrected over nsga2 alone: 0 won, 0 tied, 0 lost, 2 open for want of seeds." in lines
    assert all(line[:1] in ("%", "\\") or line.endswith(r" \\") for line in lines if line)
    unknown = CliRunner().invoke(cli, ["summary", *folders, "--rivals", "nobody"])
    assert unknown.exit_code == 2
    assert "no comparison has searches of 'nobody'; they have ours, nsga2, other" in unknown.output
    beyond = CliRunner().invoke(cli, ["summary", *folders, "--at", "10,21"])
    assert beyond.exit_code == 2
    assert "a: its searches ended after 20 evaluations, before 21" in beyond.output
    default = CliRunner().invoke(cli, ["summary", *folders])
    assert default.exit_code == 0, default.output
    assert "after 20 evaluations." in default.output
    assert "ours against nsga2;" in default.output
    twice = CliRunner().invoke(cli, ["summary", *folders, f"{folders[0]}/../a", "--rivals", "nsga2", "--at", "10,20"])
    assert twice.output == found.output


def test_contests_of_too_few_seeds_are_not_ties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [write(tmp_path / name) for name in "ab"]
    document = json.loads((folders[1] / "comparison.json").read_text())
    for contest in document["contests"]:
        contest["outcome"] = "open"
    (folders[1] / "comparison.json").write_text(json.dumps(document))
    monkeypatch.chdir(folders[1])
    found = CliRunner().invoke(cli, ["summary", str(folders[0]), ".", "--rivals", "nsga2", "--at", "20"])
    assert "| b | 0.38 | 20 | open (0.01) |" in found.output
    assert "Of 2 contests: 1 won, 0 tied, 0 lost, 1 open for want of seeds (" in found.output


def test_contests_with_few_rivals_are_corrected_over_these(finished: Finished) -> None:
    ours = np.full(12, 0.6)
    ahead = np.arange(1, 13) * np.where(np.isin(np.arange(1, 13), (1, 12)), -1e-3, 1e-3)
    ends = {"ours": ours, "nsga2": ours - ahead, "other": ours}
    many = {name: np.stack([0 * values, values], axis=1) for name, values in ends.items()}
    both = replace(finished, curves=many).contests_with(["nsga2", "other"])
    (alone,) = replace(finished, curves=many).contests_with(["nsga2"])
    raw = float(wilcoxon(ends["ours"], ends["nsga2"]).pvalue)
    assert 0.025 < raw < 0.05
    assert (alone.p, alone.outcome) == (pytest.approx(raw), "won")
    assert (both[0].p, both[0].outcome) == (pytest.approx(2 * raw), "tied")
    named = replace(finished, contests=finished.contests[:1], curves=dict(list(finished.curves.items())[:2]))
    said = [summary_tables([each], ["nsga2"], [20])[1].after for each in (finished, named)]
    assert "\nCorrected over nsga2 alone: " in said[0]
    assert said[1] == "Of 1 contests: 1 won, 0 tied, 0 lost (p after Holm's correction in brackets)."


def test_contests_of_different_algorithms_are_not_put_into_one_table(tmp_path: Path) -> None:
    folders = [write(tmp_path / name) for name in "ab"]
    document = json.loads((folders[1] / "comparison.json").read_text())
    document["algorithms"] = dict.fromkeys(["nsga2", "ours", "other"])
    document["contests"] = [{"rival": name, "p": 0.01, "effect": 1.0, "outcome": "won"} for name in ("ours", "other")]
    (folders[1] / "comparison.json").write_text(json.dumps(document))
    asked = ["summary", *map(str, folders), "--rivals", "nsga2", "--at", "20"]
    found = CliRunner().invoke(cli, [*asked, "--out", str(tmp_path / "out")])
    assert found.exit_code == 0, found.output
    sentence = "Not all comparisons hold ours against the others, so there is no table of contests."
    assert f"\n\n{sentence}\n\n" in found.output
    assert f"\n\n% {sentence}\n\n" in (tmp_path / "out" / "summary.tex").read_text()


def test_the_command_prints_ratios_alone(tmp_path: Path) -> None:
    folders = [str(write(tmp_path / name)) for name in "ab"]
    out = tmp_path / "out"
    asked = ["summary", *folders, "--relative-to", "nsga2", "--algorithms", "other, ours", "--at", "10,20"]
    found = CliRunner().invoke(cli, [*asked, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert [line.split(" | ")[0] for line in found.output.splitlines()[5:]] == ["| other", "| ours"]
    assert found.output == (out / "ratios.md").read_text()
    assert r"algorithm & at 10 & at 20 & worse on \\" in (out / "ratios.tex").read_text()
    assert not (out / "summary.tex").exists()
    rows = list(csv.DictReader((out / "ratios.csv").open()))
    assert [(row["algorithm"], row["evaluations"]) for row in rows] == [
        ("other", "10"),
        ("ours", "10"),
        ("other", "20"),
        ("ours", "20"),
    ]
    expected = regret_ratios([read_finished(Path(folder)) for folder in folders], 20, "nsga2")["ours"]
    assert float(rows[-1]["low"]) == expected.low
    assert len((out / "summary.csv").read_text().splitlines()) == 13
    for wrong in (
        ["--relative-to", "nobody"],
        ["--algorithms", "ours"],
        ["--relative-to", "ours", "--algorithms", "x"],
    ):
        refused = CliRunner().invoke(cli, ["summary", *folders, *wrong])
        assert refused.exit_code == 2, refused.output


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no comparison"):
        read_finished(tmp_path)
    (write(tmp_path / "p") / "comparison.json").write_text("[]")
    with pytest.raises(RunError, match="cannot be read"):
        read_finished(tmp_path / "p")
    assert CliRunner().invoke(cli, ["summary", str(tmp_path), "--at", "x"]).exit_code == 2
