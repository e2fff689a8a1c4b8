"""`coernas refine` from the outside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import coernas, good, refused

from coernas_moo.config import load_problem
from coernas_moo.evaluation.tabular import TabularBenchmark
from coernas_moo.files import held_by_one
from coernas_moo.refinement import session
from coernas_moo.refinement.document import read_document
from coernas_moo.search.run import Run
from coernas_moo.testing.runs import make_run
from coernas_moo.testing.tables import write_made_up_table
from coernas_moo.training import open_training_data, train_model
from coernas_moo.training.checkpoint import load_checkpoint
from coernas_moo.training.session import spec_of_genotype

pytestmark = pytest.mark.usefixtures("in_empty_folder")

SMALL = {"space.stages": 2, "space.max_depth": 1, "space.base_width": 4, "train.epochs": 4, "train.batch": 256}
FEW = ("--epochs", "7", "--candidates", "3")


@pytest.fixture
def run() -> Path:
    make_run(Path("run"), load_problem("digits", SMALL), networks=12)
    return Path("run")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(folder / "last.pt")["weights"])


def test_workers_and_an_interruption_change_nothing_and_the_winner_is_as_train_makes_it(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run, "other")
    document = json.loads(good("refine", run, *FEW, "--workers", "2", "--json").stdout)
    assert [(r["candidates"], r["epochs"]) for r in document["rungs"]] == [(3, 1), (2, 3)]
    assert document["status"] == "finished"
    winner = document["candidates"][document["winner"] - 1]
    assert len(winner["validation"]) == 2

    finish = session._finish
    monkeypatch.setattr(session, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert coernas("refine", "other", *FEW, "--workers", "1").exit_code == 130
    monkeypatch.setattr(session, "_finish", finish)
    lines = good("refine", "other", *FEW).stdout
    assert "goes on     after 5 trainings" in lines
    assert "winner" in lines
    first, second = read_document(run / "refine/refined"), read_document(Path("other/refine/refined"))
    assert first is not None
    assert second is not None
    assert first.winner == second.winner
    assert [c.validation for c in first.candidates] == [c.validation for c in second.candidates]

    searched = Run(run)
    data = open_training_data(searched.problem)
    spec = spec_of_genotype(searched, winner["genotype"], data, name="plain", seed=0, problem=searched.problem)
    train_model(spec, data, run / "models/plain", threads=1)
    plain = weights(run / "models/plain")
    assert all(torch.equal(value, plain[name]) for name, value in weights(run / "models/refined").items())
    assert all(
        torch.equal(value, weights(Path("other/models/refined"))[name])
        for name, value in weights(run / "models/refined").items()
    )
    assert not (run / "refine/refined/candidates").exists()
    assert "train.split_seed was 0, is 1" in refused("refine", run, *FEW, "--set", "train.split_seed=1")
    assert "began otherwise: budget" in refused("refine", run, "--epochs", "9", "--candidates", "3")
    assert good("refine", run, *FEW, "--quiet").stdout.splitlines() == ["run/refine/refined", "run/models/refined"]


def test_a_first_rung_of_a_few_steps_is_told(run: Path) -> None:
    said = good("refine", run, *FEW)
    assert "3 for 1 epoch, 2 for 3 epochs, each of 5 steps" in said.stdout
    assert "halved for the first time after 5 steps" in said.stderr
    assert "first time" not in good("refine", run, *FEW, "--anew", "--set", "train.batch=32").stderr


def test_a_budget_of_time_makes_a_plan(run: Path) -> None:
    document = json.loads(
        good("refine", run, "--budget", "1h", "--candidates", "2", "--set", "train.epochs=1", "--json").stdout
    )
    assert [(r["candidates"], r["epochs"]) for r in document["rungs"]] == [(2, 1)]
    assert 0 < document["planned_seconds"] < 3600


def test_bad_input_is_one_line(run: Path) -> None:
    assert "10m" in refused("refine", run, "--budget", "soon")
    assert "10m" in refused("refine", run, "--budget", "")
    assert "does not pay" in refused("refine", run, "--epochs", "1")
    assert "does not pay" in refused("refine", run, "--budget", "0.000001")
    assert "without /" in refused("refine", run, *FEW, "--name", "../out")
    assert "only keys of train" in refused("refine", run, *FEW, "--set", "space.stages=3")
    assert "no run of the table" in refused("refine", run, "--table", "x.npz")
    assert "validation_share" in refused("refine", run, *FEW, "--set", "train.validation_share=0.0")
    assert not (run / "refine").exists()
    make_run(Path("empty"), load_problem("digits", SMALL), networks=3, failures=3)
    assert "front is empty" in refused("refine", "empty", *FEW)
    make_run(Path("noise"), load_problem("noise", {"space.stages": 2}), networks=5)
    assert len(refused("refine", "noise", *FEW).splitlines()) == 1


def test_anew_leaves_a_model_alone_that_is_in_training(run: Path) -> None:
    kept = run / "models/refined/last.pt"
    with held_by_one(kept.parent, "busy", "otherwise"):
        kept.write_bytes(b"weights")
        assert "in use by another training" in refused("refine", run, *FEW, "--anew")
    assert kept.read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_anew_never_reaches_beyond_its_own_model(run: Path, name: str) -> None:
    kept = run / "models" / "knee" / "best.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights")
    assert "give a folder's name" in refused("refine", run, *FEW, "--anew", "--name", name)
    assert kept.read_bytes() == b"weights"


def test_on_the_table_accuracies_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(Path("cells"), load_problem("nb201"), networks=100)
    write_made_up_table(Path("data"))
    monkeypatch.setenv("COERNAS_DATA", str(Path("data").resolve()))
    assert "valid_12" in refused("refine", "cells")
    source = Path("data/nb201/nb201.npz")
    with np.load(source) as file:
        columns = {name: file[name] for name in file.files}
    columns["cifar10/valid_12"] = columns["cifar10/valid"] - 5
    np.savez(Path("full.npz"), **columns)
    lines = good("refine", "cells", "--table", "full.npz", "--candidates", "12").stdout
    document = read_document(Path("cells/refine/refined"))
    assert document is not None
    assert document.winner is not None
    table = TabularBenchmark.load(Path("full.npz"))
    rows = [table.row(candidate.genotype) for candidate in document.candidates]
    best = int(np.argmax(table.accuracy("cifar10", "valid")[rows]))
    assert document.winner == best + 1
    assert document.after == pytest.approx(table.accuracy("cifar10")[rows[best]] / 100)
    assert "before (the best score)" in lines
    assert sum(len(candidate.validation) == 2 for candidate in document.candidates) == 5
    assert "candidates was '12', is '20'" in refused("refine", "cells", "--table", "full.npz")
    columns |= {name.replace("cifar10", "cifar100"): values for name, values in columns.items()}
    np.savez(Path("full.npz"), **columns)
    other = ("--table", "full.npz", "--candidates", "12", "--dataset", "cifar100")
    assert "data set was 'cifar10', is 'cifar100'" in refused("refine", "cells", *other)
    again = good("refine", "cells", "--table", "full.npz", "--anew", "--epochs", "9", "--set", "train.epochs=3")
    assert "--epochs, --set: not read, since accuracies come from the table" in again.stderr
    assert "not read" not in good("refine", "cells", "--table", "full.npz", "--anew", "--budget", "1m").stderr
