"""Every format computes what the network computes, on any number of images, and says what it is for."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from coernas_moo.benchmarks.export_check import settled_model
from coernas_moo.errors import ExportError, RunError
from coernas_moo.export import FORMATS, Answer, Artifact, Description, Model, export_model, register_format
from coernas_moo.export.check import check
from coernas_moo.export.description import PREPROCESSING
from coernas_moo.networks.layers import Shape
from coernas_moo.spaces.nasbench201 import NASBench201
from coernas_moo.spaces.separable import SeparableSettings, SeparableSpace

# Odd sides everywhere: 9x13, 5x7, 3x4, 2x2, 1x1.
SEPARABLE = SeparableSpace(Shape(2, 9, 13), 3, SeparableSettings(stages=4, base_width=4))
CELLS = NASBench201(Shape(1, 8, 8), 4, channels=4, cells=1)
MODELS = {
    "every pool": (SEPARABLE, "conv3:l2/sep5:blur/mb3k3:mix/dil3:avg"),
    "maxima": (SEPARABLE, "bottleneck3:max/conv5:max/sep3:max/mb6k5:max"),
    "cell": (CELLS, "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"),
}


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    return {name: settled_model(space, text, seed=1) for name, (space, text) in MODELS.items()}


def with_description(model: Model, **changes: object) -> Model:
    import msgspec

    return Model(model.plan, model.module, msgspec.structs.replace(model.description, **changes))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".py"])
def test_exports_compute_what_the_network_computes(models: dict[str, Model], name: str, suffix: str) -> None:
    model = models[name]
    artifact = FORMATS[suffix].make(model, f"model{suffix}")
    checked = check(artifact, model)
    assert checked.probability_difference < 1e-5
    assert checked.latency_ms > 0
    assert checked.latency_ratio == checked.latency_ms / checked.torch_ms
    for count in (1, 2, 5):
        images = torch.randn(count, *model.description.shape)
        with torch.no_grad():
            logits = model.module(images)
        answer = artifact.run(images.numpy())
        np.testing.assert_allclose(answer.logits, logits.numpy(), atol=1e-4)
        np.testing.assert_allclose(answer.probabilities, logits.softmax(1).numpy(), atol=1e-5)


def test_small_constants_survive_in_onnx(models: dict[str, Model]) -> None:
    """The L2 pool adds 1e-8 under a root; on black images nothing else is there."""
    model = models["every pool"]
    artifact = FORMATS[".onnx"].make(model, "model.onnx")
    black = np.zeros((2, *model.description.shape), dtype=np.float32)
    with torch.no_grad():
        logits = model.module(torch.from_numpy(black)).numpy()
    np.testing.assert_allclose(artifact.run(black).logits, logits, atol=1e-6)
    graph = onnx.load_model_from_string(artifact.files["model.onnx"]).graph
    constants = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer]
    constants += [
        onnx.numpy_helper.to_array(attribute.t)
        for node in graph.node
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "value"
    ]
    assert any(array.size == 1 and np.isclose(float(array), 1e-8, rtol=1e-3, atol=0) for array in constants)


def test_an_onnx_file_says_what_it_is_for(models: dict[str, Model], tmp_path: Path) -> None:
    model = with_description(
        models["maxima"], classes=("crack", "Grübchen", 'a "b"'), mean=(0.25, 0.5), std=(0.1, 0.2), trained=True
    )
    path = tmp_path / "model.onnx"
    export_model(model, path)
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == ["crack", "Grübchen", 'a "b"']
    assert json.loads(metadata["mean"]) == [0.25, 0.5]
    assert json.loads(metadata["std"]) == [0.1, 0.2]
    assert [json.loads(metadata[side]) for side in ("channels", "height", "width")] == [2, 9, 13]
    assert metadata["preprocessing"] == PREPROCESSING
    assert Description.from_metadata(metadata, "model.onnx") == model.description
    (images,) = session.get_inputs()
    assert (images.name, images.shape[1:]) == ("images", [2, 9, 13])
    assert isinstance(images.shape[0], str)
    assert [each.name for each in session.get_outputs()] == ["logits", "probabilities"]


def test_an_exported_program_says_what_it_is_for(models: dict[str, Model], tmp_path: Path) -> None:
    model = models["cell"]
    path = tmp_path / "model.pt2"
    assert export_model(model, path).files == (path,)
    extra = {"description.json": ""}
    program = torch.export.load(path, extra_files=extra)
    assert json.loads(extra["description.json"])["genotype"] == MODELS["cell"][1]
    images = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), model.module(images))


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_python_module_loads_its_weights_from_the_file_beside_it(models: dict[str, Model], tmp_path: Path) -> None:
    model = with_description(models["every pool"], classes=("a", "b", "c"), mean=(0.25, 0.5), std=(0.5, 0.25))
    quoted = export_model(model, tmp_path / 'a"b.py')
    assert imported(quoted.files[1]).load()
    exported = export_model(model, tmp_path / "steel.py")
    assert exported.files == (tmp_path / "steel.pt", tmp_path / "steel.py")
    assert exported.size == sum(path.stat().st_size for path in exported.files)
    module = imported(tmp_path / "steel.py")
    assert (module.CLASSES, module.MEAN, module.STD) == (("a", "b", "c"), (0.25, 0.5), (0.5, 0.25))
    network = module.load()
    assert not network.training
    pixels = torch.rand(3, 2, 9, 13)
    normalised = (pixels - torch.tensor([0.25, 0.5])[:, None, None]) / torch.tensor([0.5, 0.25])[:, None, None]
    torch.testing.assert_close(module.normalise(pixels), normalised)
    with torch.no_grad():
        torch.testing.assert_close(network(normalised), model.module(normalised), atol=1e-5, rtol=1e-5)
    assert "coernas_moo" not in (tmp_path / "steel.py").read_text().partition("import")[2]
    assert all(
        isinstance(value, torch.Tensor) for value in torch.load(tmp_path / "steel.pt", weights_only=True).values()
    )


def test_an_untrained_python_module_is_one_file(models: dict[str, Model], tmp_path: Path) -> None:
    model = with_description(models["cell"], trained=False, classes=tuple(f"class number {n}" for n in range(4)))
    exported = export_model(model, tmp_path / "model.py")
    assert exported.files == (tmp_path / "model.py",)
    module = imported(tmp_path / "model.py")
    assert module.Network()(torch.randn(2, 1, 8, 8)).shape == (2, 4)
    assert not hasattr(module, "load")
    assert "its weights are random" in str(module.__doc__)


def test_an_export_that_computes_something_else_is_not_kept(models: dict[str, Model], tmp_path: Path) -> None:
    def wrong(shift: float) -> Artifact:
        def run(images: np.ndarray) -> Answer:
            with torch.no_grad():
                logits = models["cell"].module(torch.from_numpy(images)) + torch.tensor([shift, 0, 0, 0])
            return Answer(logits.numpy(), logits.softmax(1).numpy())

        return Artifact({"model.wrong": b"wrong"}, run)

    assert check(wrong(0.0), models["cell"]).probability_difference < 1e-5
    for shift in (1e-3, float("nan")):
        with pytest.raises(ExportError, match="something else than the network"):
            check(wrong(shift), models["cell"])

    def only_of_one(images: np.ndarray) -> Answer:
        answer = wrong(0.0).run(images)
        return answer if len(images) == 1 else Answer(answer.logits * np.nan, answer.probabilities * np.nan)

    with pytest.raises(ExportError, match="something else than the network"):
        check(Artifact({"model.wrong": b"wrong"}, only_of_one), models["cell"])
    register_format(".wrong", "wrong")(lambda model, name: wrong(0.1))
    with pytest.raises(ExportError, match="nothing was written"):
        export_model(models["cell"], tmp_path / "model.wrong")
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unasked(models: dict[str, Model], tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"model\.pt: exists already; give another name, or --force"):
        export_model(models["cell"], path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
    export_model(models["cell"], path, replace=True)
    assert weights.read_bytes() != b"mine"
    with pytest.raises(ExportError, match=r"model\.py: exists already"):
        export_model(models["cell"], path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("model", "it has no suffix, which says the format; use one of .onnx, .pt2, .py"),
        ("model.tflite", "nothing is exported to '.tflite'; use one of .onnx, .pt2, .py"),
        ("none/model.py", "there is no folder"),
        ("folder.py", "is a folder; give the name of a file"),
    ],
)
def test_an_impossible_target_says_so_before_anything_is_made(
    models: dict[str, Model], tmp_path: Path, name: str, line: str
) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ExportError, match=line):
        export_model(models["cell"], tmp_path / name)


def test_a_folder_that_cannot_be_written_is_one_line(
    models: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left on device"):
        export_model(with_description(models["cell"], trained=False), tmp_path / "model.py")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(
    models: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError, match=rf"'{package}' is needed: pip install 'coernas-moo\[onnx\]'"):
        export_model(models["cell"], tmp_path / "model.onnx")


def test_a_network_without_a_plan_has_no_python(models: dict[str, Model], tmp_path: Path) -> None:
    model = Model(None, models["cell"].module, models["cell"].description)
    with pytest.raises(ExportError, match=r"only networks of this package can be written as Python; use \.onnx or"):
        export_model(model, tmp_path / "model.py")
    assert torch.export.load(io.BytesIO(FORMATS[".pt2"].make(model, "m.pt2").files["m.pt2"])) is not None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"format": "coernas-model-9"}, "has format 'coernas-model-9', this version reads 'coernas-model-1'"),
        ({"classes": "crack"}, "its description cannot be read"),
        ({"classes": '["crack"]'}, "fewer than two classes"),
        ({"mean": "[0.5, 0.5]"}, "mean and std are not one a channel"),
        ({"std": "[0.0]"}, "a std of 0"),
        ({"channels": "0"}, "its description cannot be read"),
        ({"trained": '"yes"'}, "its description cannot be read"),
    ],
)
def test_a_description_that_cannot_be_right_is_refused(
    models: dict[str, Model], changes: dict[str, str], line: str
) -> None:
    metadata = models["cell"].description.to_metadata()
    assert Description.from_metadata({**metadata, "more": "text"}, "m.onnx") == models["cell"].description
    with pytest.raises(ExportError, match=rf"m\.onnx: .*{line}"):
        Description.from_metadata({**metadata, **changes}, "m.onnx")
