from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from coernas_moo.errors import ModelError, RunError
from coernas_moo.export import is_model_directory, model_of, trained_model
from coernas_moo.networks.init import he_init
from coernas_moo.search.run import Run
from coernas_moo.training import ModelSpec, Recipe, write_spec
from coernas_moo.training.checkpoint import save_checkpoint


@pytest.fixture
def run(finished_run: Run, tmp_path: Path) -> Run:
    """A finished run that may be changed."""
    return Run(shutil.copytree(finished_run.directory.path, tmp_path / "run"))


def leave_model(run: Run, name: str, pick: str, seed: int, **changes: object) -> Path:
    """What training leaves of a pick, with weights from a seed."""
    member = run.pick(pick)
    directory = run.directory.path / "models" / name
    directory.mkdir(parents=True)
    network = run.plan(member).build()
    he_init(network, torch.Generator().manual_seed(seed))
    fields: dict[str, object] = {"genotype": member.text, "space": run.problem.space, **changes}
    spec = ModelSpec(
        name=name,
        problem=run.problem.name,
        classes=("ok", "crack", "hole"),
        channels=1,
        height=8,
        width=8,
        mean=(0.4,),
        std=(0.2,),
        recipe=Recipe(),
        seed=seed,
        data=run.problem.data,
        **fields,
    )
    write_spec(spec, directory)
    save_checkpoint(directory / "best.pt", {"state": network.state_dict(), "epoch": 3})
    return directory


def test_a_pick_without_a_trained_model_is_as_the_run_builds_it(run: Run) -> None:
    model = model_of(run, "best")
    described = model.description
    assert not described.trained
    assert (described.genotype, described.classes) == (run.pick("best").text, run.state.classes)
    assert (described.mean, described.std, tuple(described.shape)) == ((0.0,), (1.0,), run.state.shape)
    assert (described.params, described.macs) == (model.plan.params(), model.plan.macs())  # type: ignore[union-attr]
    images = torch.randn(2, *described.shape)
    torch.testing.assert_close(model.module(images), run.network("best").eval()(images))


def test_a_pick_has_the_weights_that_training_left(run: Run) -> None:
    leave_model(run, "other", "best", seed=1)
    assert run.pick("best").text != run.pick("smallest").text
    leave_model(run, "mine", "smallest", seed=7)
    model = model_of(run, "smallest")
    described = model.description
    assert described.trained
    assert (described.classes, described.mean, described.std) == (("ok", "crack", "hole"), (0.4,), (0.2,))
    expected = run.plan(run.pick("smallest")).build()
    he_init(expected, torch.Generator().manual_seed(7))
    images = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(model.module(images), expected.eval()(images))
    assert not model_of(run, "smallest", trained=False).description.trained


def test_of_several_trained_models_the_one_with_the_name_of_the_pick_counts(run: Run) -> None:
    first, named = leave_model(run, "a", "best", seed=1), leave_model(run, "best", "best", seed=2)
    images = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(model_of(run, "best").module(images), trained_model(named).module(images))
    torch.testing.assert_close(model_of(run, "1").module(images), trained_model(first).module(images))


def test_a_model_whose_training_has_not_left_weights_does_not_count(run: Run) -> None:
    directory = leave_model(run, "best", "best", seed=1)
    (directory / "best.pt").unlink()
    assert not model_of(run, "best").description.trained
    assert is_model_directory(directory)
    assert not is_model_directory(run.directory.path)


def test_another_broken_model_is_no_reason_not_to_export(run: Run) -> None:
    broken = leave_model(run, "a-broken-one", "best", seed=1)
    (broken / "model.json").write_text("{", encoding="utf-8")
    leave_model(run, "best", "best", seed=2)
    assert model_of(run, "best").description.trained
    with pytest.raises(ModelError, match="not the description of a model"):
        trained_model(broken)


def test_the_model_called_like_the_pick_is_not_silently_replaced_by_another(run: Run) -> None:
    leave_model(run, "another", "best", seed=2)
    (leave_model(run, "best", "best", seed=1) / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"best/model.json: not the description of a model.*--anew"):
        model_of(run, "best")


def test_a_model_knows_whose_weights_it_has_and_whether_they_are_final(run: Run) -> None:
    directory = leave_model(run, "mine", "best", seed=1)
    model = model_of(run, "best")
    assert (model.directory, model.finished) == (directory, False)
    (directory / "metrics.json").write_text("{}", encoding="utf-8")
    assert model_of(run, "best").finished
    untrained = model_of(run, "smallest")
    assert (untrained.directory, untrained.finished) == (None, True)


def test_a_cut_off_checkpoint_is_an_error_and_no_random_network(run: Run) -> None:
    checkpoint = leave_model(run, "best", "best", seed=1) / "best.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(ModelError, match="not a checkpoint, or cut off"):
        model_of(run, "best")


def test_a_well_known_network_is_exported_like_any_other(run: Run) -> None:
    directory = leave_model(run, "plain", "best", seed=1, genotype=None, space=None, baseline="plain-cnn")
    from coernas_moo.networks.known import BASELINES
    from coernas_moo.networks.layers import Shape

    network = BASELINES["plain-cnn"](Shape(1, 8, 8), 3).build()
    he_init(network, torch.Generator().manual_seed(0))
    save_checkpoint(directory / "best.pt", {"state": network.state_dict()})
    model = trained_model(directory)
    assert model.description.genotype == "plain-cnn"
    assert model.plan is not None
    assert model.description.params == model.plan.params()


def test_no_such_pick_is_as_everywhere(run: Run) -> None:
    with pytest.raises(RunError, match="no member 'nicest' in the front"):
        model_of(run, "nicest")
