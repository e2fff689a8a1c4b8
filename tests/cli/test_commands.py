"""The commands around the search, and the group that holds them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from coernas_moo.cli.main import COMMANDS, cli
from commands import coernas

from coernas_moo._version import __version__
from coernas_moo.config import load_problem
from coernas_moo.proxies import DIMENSIONS, PROXIES
from coernas_moo.search.run import Run
from coernas_moo.shipped import shipped_problems

pytestmark = pytest.mark.usefixtures("in_empty_folder")

MODULE = [sys.executable, "-m", "coernas_moo.cli.main"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["search", "--help"], ["latency", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom coernas_moo.cli.main import main\n"
        f"try:\n    main({arguments})\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'pymoo', 'scipy', 'sklearn', 'matplotlib', 'numpy', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("table_here")
def test_a_table_is_shown_without_torch() -> None:
    code = (
        "import sys\nfrom coernas_moo.cli.main import main\n"
        "try:\n    main(['nb201', 'show'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'pymoo'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "15,625" in done.stdout


@pytest.mark.parametrize("arguments", [["problems"], ["problems", "--json"], ["problems", "xsdd"], ["runs", "folder"]])
def test_lists_import_nothing_that_a_search_needs(arguments: list[str]) -> None:
    run = Path("folder/run")
    run.mkdir(parents=True)
    (run / "problem.toml").write_text('name = "x"')
    (run / "state.json").write_text(
        '{"status": "running", "reason": "", "generation": 1, "evaluations": 4, "seconds": 2.5}'
    )
    code = (
        "import sys\nfrom coernas_moo.cli.main import main\n"
        f"try:\n    main({arguments})\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'pymoo', 'scipy', 'sklearn', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_command_is_listed_and_explains_itself_with_an_example() -> None:
    overview = coernas("--help").output
    for name, summary in COMMANDS.items():
        assert name in overview
        assert " ".join(summary.split()[:4]) in overview
        own = coernas(name, "--help")
        assert own.exit_code == 0
        # A group has its examples in its own commands.
        if "Commands:" not in own.output:
            assert "Example" in own.output, name
            assert f"coernas {name}" in own.output


def test_modules_and_list_of_commands_agree() -> None:
    folder = Path(sys.modules[cli.__class__.__module__].__file__ or "").parent
    with_command = {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")}
    assert with_command == set(COMMANDS)


def test_version() -> None:
    assert coernas("--version").output == f"coernas {__version__}\n"


def test_problems_lists_all_and_prints_one_as_it_is() -> None:
    listed = json.loads(coernas("problems", "--json").output)
    needs_data = {entry["name"]: entry["needs_data"] for entry in listed}
    assert set(needs_data) == set(shipped_problems())
    assert {name for name, needs in needs_data.items() if needs} == {"aptos", "cifar10", "xsdd"}
    for entry in listed:
        problem = load_problem(entry["name"])
        assert (entry["description"], entry["objectives"]) == (problem.description, list(problem.objectives))
        assert entry["needs_data"] == problem.data_settings.needs_path
    table = coernas("problems").output
    assert all(entry["description"] in table for entry in listed)
    assert coernas("problems", "xsdd").output == shipped_problems()["xsdd"]


@pytest.mark.parametrize("name", shipped_problems())
def test_shipped_problems_explain_every_key(name: str) -> None:
    problem = load_problem(name)
    assert problem.name == name
    assert problem.description
    lines = shipped_problems()[name].splitlines()
    assert lines[0].startswith("# ")
    assert any(f"coernas search {name}" in line for line in lines if line.startswith("#"))
    explained_in_digits = set(tomllib.loads(shipped_problems()["digits"]))
    for section in tomllib.loads(shipped_problems()[name]):
        assert section in explained_in_digits


def test_proxies_by_pattern() -> None:
    everything = json.loads(coernas("proxies", "--json").output)
    assert [entry["name"] for entry in everything] == sorted(PROXIES, key=lambda name: name not in DIMENSIONS)
    assert set(DIMENSIONS) <= {entry["name"] for entry in everything}
    some = coernas("proxies", "r*").output
    assert "robustness" in some
    assert "regularity" in some
    assert "isotropy" not in some
    assert PROXIES["robustness"].description in some


def test_score_of_a_genotype_is_the_score_of_its_reduced_network() -> None:
    arguments = ("score", "conv3:max/sep5:avg/conv3:max", "--problem", "digits", "--seed", "5", "--json")
    found = json.loads(coernas(*arguments).output)
    problem = load_problem("digits")
    info = problem.data_settings.open(Path()).info
    space = problem.space_settings.build(info.shape, len(info.classes))
    genotype = space.from_text(found["network"])
    assert found["params"] == space.params(genotype)
    assert list(found["proxies"]) == list(DIMENSIONS)
    assert found == json.loads(coernas(*arguments).output)
    other = json.loads(coernas(*arguments[:-2], "6", "--json").output)
    assert other["proxies"] != found["proxies"]
    assert "robustness" in coernas(*arguments[:-1]).output


def test_score_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "module_to_score.py").write_text(
        "from torch import nn\n"
        "def small():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))\n"
    )
    result = coernas("score", "module_to_score:small", "--shape", "1x8x8", "--classes", "3", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["params"] == 4 * 9 + 4 + 144 * 3 + 3
    assert found["macs"] == 4 * 9 * 36 + 144 * 3


def test_the_commands_of_a_group_have_whole_sentences() -> None:
    for group in ("bench", "nb201"):
        _, listed = coernas(group, "--help").output.split("Commands:")
        assert "..." not in listed


def test_runs_show_status_and_progress() -> None:
    assert "no runs in results/runs" in coernas("runs").output
    few = ("--population", "4", "--generations", "2", "--workers", "1", "--set", 'objectives=["score", "params"]')
    done = coernas("search", "digits", *few, "--set", "space.stages=1", "--quiet")
    assert done.exit_code == 0, done.output
    broken = Path("results/runs/zz")
    broken.mkdir()
    (broken / "problem.toml").write_text("nonsense")
    (found, unreadable) = json.loads(coernas("runs", "--json").output)
    assert found["run"] == "digits-1"
    assert (found["status"], found["generations"], found["evaluations"]) == ("finished", 2, 8)
    run = Run(Path("results/runs/digits-1"))
    assert (found["problem"], found["reason"], found["seconds"]) == ("digits", run.state.reason, run.state.seconds)
    assert found["front"] == len(run.front) >= 1
    assert found["best"] == pytest.approx(run.front[0].objectives["score"])
    assert (unreadable["run"], unreadable["status"]) == ("zz", "unreadable")
    state = Path("results/runs/digits-1/state.json")
    state.write_text(state.read_text().replace('"finished"', '"running"'))
    assert "killed" in coernas("runs").output
    held = (
        "import sys, time\nfrom pathlib import Path\nfrom coernas_moo.files import lock_exclusively\n"
        "file = Path('results/runs/digits-1/lock').open('a')\nlock_exclusively(file.fileno())\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert [row["status"] for row in json.loads(coernas("runs", "--json").output)] == ["running", "unreadable"]
        holder.communicate()
    state.write_text("{")
    assert [row["status"] for row in json.loads(coernas("runs", "--json").output)] == ["unreadable"] * 2


def test_doctor_reports_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "coernas-moo" / "latency"
    folder.mkdir(parents=True)
    device = "12th Gen Intel(R) Core(TM) i7-12700K with quite a long name"
    table = {"device": device, "torch": "2.13.0+cu128", "threads": 1, "batch": 1, "entries": [1, 2, 3]}
    (folder / "table.json").write_text(json.dumps(table))
    (folder / "worse.json").write_text("{")
    found = json.loads(coernas("doctor", "--json").output)
    assert found["versions"]["coernas-moo"] == __version__
    assert found["cores"]["usable"] >= 1
    assert found["runs"]["writable"] is True
    assert [table.get("entries") for table in found["latency_tables"]] == [3, None]
    assert any("worse.json" in line for line in found["problems"])
    lines = coernas("doctor").output.splitlines()
    about = next(number for number, line in enumerate(lines) if line.startswith("latency table "))
    assert device in lines[about]
    assert "3 operators, 1 thread, batch 1, torch 2.13.0+cu128" in lines[about + 1]
    assert max(map(len, lines[about : about + 2])) <= 80
    monkeypatch.setenv("COERNAS_CACHE", str(folder / "table.json"))
    text = coernas("doctor").output
    assert "NOT writable" in text
    assert "set COERNAS_CACHE" in text


def test_schema_is_the_schema_of_the_problem_file() -> None:
    schema = json.loads(coernas("schema").output)
    kinds = schema["$defs"]["ProblemFile"]["properties"]["space"]["oneOf"]
    assert len(kinds) >= 2
    assert "objectives" in schema["$defs"]["ProblemFile"]["properties"]


@pytest.mark.parametrize("document", ["front", "comparison"])
def test_schemas_of_exports_describe_every_key(document: str) -> None:
    schema = json.loads(coernas("schema", document).output)
    assert schema["title"] == f"coernas {document}"
    for definition in schema["$defs"].values():
        assert definition["description"]
    main = schema["$defs"][f"{document.capitalize()}Document"]
    assert all(body["description"] for body in main["properties"].values())


def test_latency_compares_estimate_and_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coernas_moo.objectives.operator_latency.SECONDS", 0.05)
    Path("tiny.toml").write_text(
        'name = "tiny"\n[data]\nkind = "noise"\nsize = 8\n'
        '[space]\nkind = "separable"\nstages = 1\nmax_depth = 2\nunits = ["conv3", "sep3"]\npools = ["max"]\n'
    )
    result = coernas("latency", "tiny.toml", "--networks", "3", "--seconds", "0.1", "--json", "--seed", "2")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert len(found["rows"]) == 3
    assert all(row["measured_ms"] > 0 and row["estimated_ms"] > 0 for row in found["rows"])
    assert -1 <= found["spearman"] <= 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    assert f"_COERNAS_COMPLETE={shell}_complete" in coernas("completion", shell).output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("coernas sea", "search"),
        ("coernas search d", "digits"),
        ("coernas problems x", "xsdd"),
        ("coernas search digits --gen", "--generations"),
        ("coernas search --out d", "digits-7"),
        ("coernas show d", "digits-7"),
    ],
)
def test_completion_of_names(line: str, expected: str, tmp_path: Path) -> None:
    run = tmp_path / "results" / "runs" / "digits-7"
    run.mkdir(parents=True)
    (run / "problem.toml").write_text("")
    words = line.split()
    environment = {
        **os.environ,
        "_COERNAS_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(MODULE, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert f"plain,{expected}" in lines, done.stderr
    kinds = [line.split(",")[0] for line in lines]
    assert kinds == sorted(kinds, key="plain".__eq__), "bash forgets the names that stand before a path"


def test_json_is_clean_in_a_process_of_its_own() -> None:
    few = ["--population", "4", "--generations", "1", "--set", 'objectives=["score","params"]']
    done = subprocess.run(
        [*MODULE, "search", "digits", *few, "--set", "space.stages=1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["evaluations"] == 4
    assert done.stderr == ""


def test_json_is_clean_whatever_the_code_of_the_user_prints() -> None:
    Path("talks.py").write_text(
        "import coernas_moo\nprint('plugin')\n"
        "@coernas_moo.register_proxy('talks', needs=(), source='a test')\n"
        "def talks(trace):\n    print('proxy')\n    return trace.loss\n"
        "@coernas_moo.register_objective('talks')\n"
        "def blocks(plan):\n    print('objective')\n    return len(plan.blocks)\n"
    )
    settings = ['plugins=["talks.py"]', 'objectives=["score","talks"]', 'score.proxies=["talks"]', "space.stages=1"]
    few = ["--population", "4", "--generations", "1", *(part for text in settings for part in ("--set", text))]
    done = subprocess.run([*MODULE, "search", "digits", *few, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["evaluations"] == 4
    assert {"plugin", "proxy", "objective"} <= set(done.stderr.split())
    done = subprocess.run([*MODULE, "search", "digits", *few, "--quiet"], capture_output=True, text=True, check=True)
    assert done.stdout == "results/runs/digits-2\n"
    Path("loud.py").write_text(
        "from torch import nn\nprint('module')\n"
        "class Loud(nn.Linear):\n"
        "    def forward(self, images):\n        print('forward')\n        return super().forward(images.flatten(1))\n"
        "def make():\n    print('function')\n    return Loud(12, 3)\n"
    )
    scored = coernas("score", "loud:make", "--shape", "3x2x2", "--classes", "3", "--json")
    assert json.loads(scored.stdout)["params"] == 39
    assert set(scored.stderr.split()) == {"module", "function", "forward"}
