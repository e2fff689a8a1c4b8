"""Model directories: what is written is read back, and what is not a model is told."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from coernas_moo.config import load_problem
from coernas_moo.errors import ModelError, RunError
from coernas_moo.search.run import Run
from coernas_moo.testing.runs import make_run
from coernas_moo.training import (
    LoadedModel,
    ModelSpec,
    Recipe,
    TrainingData,
    load_model,
    open_training_data,
    read_metrics,
    read_spec,
    spec_of_baseline,
    spec_of_pick,
    train_model,
    trained_models,
)
from coernas_moo.training.checkpoint import load_checkpoint

FAST = {"train.epochs": 1, "train.batch": 256, "space.stages": 2, "space.max_depth": 1, "space.base_width": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("digits") / "run", load_problem("digits", FAST), networks=12)


@pytest.fixture(scope="module")
def data(run: Run) -> TrainingData:
    return open_training_data(run.problem)


@pytest.fixture(scope="module")
def spec(run: Run, data: TrainingData) -> ModelSpec:
    return spec_of_pick(run, "knee", data, name="knee", seed=0, problem=run.problem)


@pytest.fixture(scope="module")
def trained(spec: ModelSpec, data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's directory, not to be changed."""
    directory = tmp_path_factory.mktemp("run") / "models" / "knee"
    train_model(spec, data, directory, threads=1)
    return directory


def copied(trained: Path, to: Path) -> Path:
    to.mkdir()
    for path in trained.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_the_network_is_that_of_the_pick_at_full_size(run: Run, trained: Path) -> None:
    model = load_model(trained)
    assert isinstance(model, LoadedModel)
    assert model.plan == run.plan(run.pick("knee"))
    assert not model.module.training
    assert model.spec.genotype == run.pick("knee").text
    assert model.spec.classes == tuple("0123456789")
    assert model.spec.search_seconds == run.state.seconds


def test_probabilities_are_those_that_were_written(trained: Path, data: TrainingData) -> None:
    model = load_model(trained)
    found = model.probabilities(data.test.images(torch.arange(len(data.test))))
    rows = [line.split(",") for line in (trained / "predictions.csv").read_text().splitlines()]
    assert rows[0][:4] == ["image", "class", "predicted", "confidence"]
    assert [row[0] for row in rows[1:]] == list(data.test.names)
    written = torch.tensor([[float(value) for value in row[4:]] for row in rows[1:]])
    assert torch.allclose(found, written, atol=1e-5)
    hits = sum(row[1] == row[2] for row in rows[1:])
    assert read_metrics(trained).test.accuracy == pytest.approx(hits / len(data.test))


def test_measures(run: Run, trained: Path, data: TrainingData) -> None:
    found = read_metrics(trained)
    plan = run.plan(run.pick("knee"))
    assert (found.params, found.macs) == (plan.params(), plan.macs())
    assert found.latency_ms > 0
    assert found.peak_memory_mb is None or found.peak_memory_mb > 50
    assert found.test.kappa is None
    assert found.validation is not None
    assert (found.train_images, found.validation_images, found.test_images) == (1259, 179, 359)
    assert sum(map(sum, found.test.confusion)) == found.test.images == 359
    low, high = found.test.intervals["accuracy"]
    assert low <= found.test.accuracy <= high
    assert [one.name for one in found.test.per_class] == list(data.classes)


def test_history_has_a_row_an_epoch(trained: Path) -> None:
    head, *rows = (trained / "history.csv").read_text().splitlines()
    assert head.startswith("epoch,loss,learning_rate,seconds,validation_accuracy")
    assert len(rows) == 1


def test_last_and_best_are_checkpoints_of_plain_tensors(trained: Path) -> None:
    for name in ("best.pt", "last.pt"):
        content = torch.load(trained / name, weights_only=True)
        load_model(trained, name).module.load_state_dict(content["state"])


def test_what_is_finished_is_not_trained_again(spec: ModelSpec, data: TrainingData, trained: Path) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert train_model(spec, data, trained).was_finished
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before
    assert trained_models(trained.parents[1]) == [trained]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": Recipe(epochs=2, batch=256)}, "train.epochs was 1, is 2"),
        ({"seed": 5}, "seed was 0, is 5"),
        ({"genotype": "other"}, "genotype was"),
    ],
)
def test_another_training_in_the_same_place_is_refused(
    run: Run, data: TrainingData, spec: ModelSpec, trained: Path, change: dict[str, Any], message: str
) -> None:
    if "recipe" in change:
        change = {"recipe": msgspec.structs.replace(spec.recipe, epochs=2)}
    if "genotype" in change:
        change = {"genotype": next(m.text for m in run.front if m.text != spec.genotype)}
    with pytest.raises(ModelError, match=message):
        train_model(msgspec.structs.replace(spec, **change), data, trained)


def test_other_images_are_told_as_such(spec: ModelSpec, data: TrainingData, trained: Path) -> None:
    darker = msgspec.structs.replace(spec, mean=(0.1,))
    with pytest.raises(ModelError, match=r"trained on other images: .* restore them, or keep it"):
        train_model(darker, data, trained)


def test_other_labels_are_other_images(spec: ModelSpec, data: TrainingData, trained: Path, tmp_path: Path) -> None:
    """Corrected labels of test images change neither mean nor deviation."""
    relabelled = replace(data, test=replace(data.test, labels=data.test.labels.flip(0)))
    other = msgspec.structs.replace(spec, images=relabelled.fingerprint())
    with pytest.raises(ModelError, match=r"trained on other images"):
        train_model(other, relabelled, trained)
    older = copied(trained, tmp_path / "older")
    document = msgspec.json.decode((older / "model.json").read_bytes())
    del document["images"]
    (older / "model.json").write_bytes(msgspec.json.encode(document))
    assert train_model(spec, data, older).was_finished


def test_a_setting_that_changes_the_images_is_named_rather_than_they(
    spec: ModelSpec, data: TrainingData, trained: Path
) -> None:
    other = msgspec.structs.replace(spec, mean=(0.1,), recipe=msgspec.structs.replace(spec.recipe, test_share=0.3))
    with pytest.raises(ModelError, match=r"train.test_share was 0.2, is 0.3"):
        train_model(other, data, trained)


def test_one_key_of_the_space_is_named(spec: ModelSpec, data: TrainingData, trained: Path) -> None:
    assert spec.space is not None
    other = msgspec.structs.replace(spec, space={**spec.space, "stem_stride": 2})
    with pytest.raises(ModelError, match=r"space.stem_stride was 1, is 2; keep it"):
        train_model(other, data, trained)


def test_a_checkpoint_that_cannot_be_opened_says_what_to_do(trained: Path, tmp_path: Path) -> None:
    place = copied(trained, tmp_path / "copy")
    (place / "best.pt").unlink()
    (place / "best.pt").mkdir()
    with pytest.raises(ModelError, match=r"best.pt: cannot be read: .*; remove it and give the command that"):
        load_model(place)


def test_a_finished_model_whose_weights_were_removed_has_them_again(
    spec: ModelSpec, data: TrainingData, trained: Path, tmp_path: Path
) -> None:
    """What the errors about a broken `best.pt` say to do."""
    place = copied(trained, tmp_path / "copy")
    (place / "best.pt").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"not a checkpoint, or cut off.*; remove it and give the command"):
        load_model(place)
    (place / "best.pt").unlink()
    session = train_model(spec, data, place, threads=1)
    assert not session.was_finished
    assert session.metrics.test == read_metrics(trained).test
    assert all(
        torch.equal(values, load_checkpoint(trained / "best.pt")["state"][name])
        for name, values in load_checkpoint(place / "best.pt")["state"].items()
    )


def test_anew_replaces(spec: ModelSpec, data: TrainingData, trained: Path, tmp_path: Path) -> None:
    place = copied(trained, tmp_path / "copy")
    session = train_model(msgspec.structs.replace(spec, seed=4), data, place, anew=True, threads=1)
    assert not session.was_finished
    assert read_spec(place).seed == 4


def test_two_trainings_in_one_place(spec: ModelSpec, data: TrainingData, tmp_path: Path) -> None:
    from coernas_moo.files import held_by_one

    with held_by_one(tmp_path / "m", "busy", ""), pytest.raises(RunError, match="in use by another training"):
        train_model(spec, data, tmp_path / "m")


def test_baselines_are_trained_and_loaded_too(run: Run, data: TrainingData, tmp_path: Path) -> None:
    spec = spec_of_baseline("plain-cnn", data, name="plain-cnn", seed=0, problem=run.problem)
    session = train_model(spec, data, tmp_path / "m", threads=1)
    assert session.metrics.search_seconds is None
    model = load_model(tmp_path / "m")
    assert sum(parameter.numel() for parameter in model.module.parameters()) == session.metrics.params


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model here \(no model.json\)"):
        load_model(tmp_path)
    with pytest.raises(ModelError, match=r"no metrics.json, so the training is not over"):
        read_metrics(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": 5}', b"\xff"])
@pytest.mark.parametrize(("name", "read"), [("model.json", read_spec), ("metrics.json", read_metrics)])
def test_descriptions_that_are_none(tmp_path: Path, content: bytes, name: str, read: Any) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        read(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_checkpoint(trained: Path, tmp_path: Path, share: float) -> None:
    place = copied(trained, tmp_path / "copy")
    content = (place / "best.pt").read_bytes()
    (place / "best.pt").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"best.pt: not a checkpoint, or cut off"):
        load_model(place)


def test_a_missing_checkpoint(trained: Path, tmp_path: Path) -> None:
    place = copied(trained, tmp_path / "copy")
    (place / "best.pt").unlink()
    with pytest.raises(ModelError, match="no such checkpoint"):
        load_model(place)


class _Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pwned"),))


def test_a_pickle_that_would_run_code_is_not_run(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "state": _Attack()}, place / "best.pt")
    with pytest.raises(ModelError, match="nothing of it was executed; remove it") as refused:
        load_model(place)
    assert "PyTorch" not in str(refused.value)
    (place / "best.pt").write_bytes(pickle.dumps(_Attack()))
    with pytest.raises(ModelError, match="nothing of it was executed; remove it"):
        load_model(place)
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"a": 1},
        {"format": 1},
        {"format": 2, "state": {}},
        {"format": 1, "state": {}, "epoch": "last"},
        {"format": 1, "state": {}, "epoch": -1},
        {"format": 1, "state": {}, "threads": None},
    ],
)
def test_a_checkpoint_of_another_program(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "best.pt")
    with pytest.raises(ModelError, match="not a checkpoint of coernas train"):
        load_checkpoint(tmp_path / "best.pt")


@pytest.mark.parametrize("value", [3, torch.zeros(2).to_sparse(), torch.empty(2, device="meta")])
def test_weights_that_are_none(trained: Path, tmp_path: Path, value: Any) -> None:
    place = copied(trained, tmp_path / "copy")
    content = load_checkpoint(place / "best.pt")
    name = next(iter(content["state"]))
    content["state"] |= {name: value if isinstance(value, int) else value.new_empty(content["state"][name].shape)}
    torch.save(content, place / "best.pt")
    with pytest.raises(ModelError, match=r"best.pt: a checkpoint of another architecture"):
        load_model(place)
    torch.save(content | {"state": {**content["state"], 7: torch.zeros(1)}}, place / "best.pt")
    with pytest.raises(ModelError, match=r"best.pt: a checkpoint of another architecture"):
        load_model(place)


@pytest.mark.parametrize(
    "damage",
    [
        {"history": [1, 2]},
        {"best": {"epoch": 1, "key": [0.5, 0.5], "validation": {}, "state": {"no": torch.zeros(1)}}},
        {"optimiser": {"state": {}, "param_groups": []}},
        {"recipe": None},
    ],
)
def test_a_checkpoint_that_cannot_be_gone_on_from(
    trained: Path, tmp_path: Path, spec: ModelSpec, data: TrainingData, damage: dict[str, Any]
) -> None:
    place = copied(trained, tmp_path / "copy")
    (place / "metrics.json").unlink()
    torch.save(load_checkpoint(place / "last.pt") | damage, place / "last.pt")
    with pytest.raises(ModelError, match=r"last.pt: (not a checkpoint to go on from|a checkpoint of another)"):
        train_model(spec, data, place)


def test_a_checkpoint_of_another_architecture(trained: Path, tmp_path: Path, run: Run) -> None:
    place = copied(trained, tmp_path / "copy")
    spec = read_spec(place)
    assert spec.space is not None
    wider = msgspec.structs.replace(spec, space={**spec.space, "base_width": 8})
    (place / "model.json").write_bytes(msgspec.json.encode(wider))
    with pytest.raises(ModelError, match=r"best.pt: a checkpoint of another architecture: .* has another shape"):
        load_model(place)
    other = msgspec.structs.replace(spec, genotype=None, space=None, baseline="plain-cnn")
    (place / "model.json").write_bytes(msgspec.json.encode(other))
    with pytest.raises(ModelError, match="another architecture"):
        load_model(place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genotype": "nonsense"}, "cannot be built"),
        ({"genotype": None, "space": None, "baseline": "no-such"}, "no baseline named 'no-such'"),
        ({"genotype": None, "space": None}, "neither a genotype with its space, nor a baseline"),
        ({"space": {"kind": "no-such"}}, "no search space named 'no-such'"),
    ],
)
def test_a_network_that_is_not_known_here(trained: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    place = copied(trained, tmp_path / "copy")
    (place / "model.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(read_spec(place), **change)))
    with pytest.raises(ModelError, match=message):
        load_model(place)
