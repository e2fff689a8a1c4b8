"""Python: a module that a person can read and change, which needs torch and nothing else.

Trained weights are a second file beside it, `model.pt` for `model.py`: plain tensors, loaded with `weights_only=True`.
"""

from __future__ import annotations

import io
import json
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from coernas_moo.errors import ExportError
from coernas_moo.export.description import Description
from coernas_moo.export.formats import Artifact, register_format
from coernas_moo.export.model import Model
from coernas_moo.export.source.network import NetworkSource, network_source
from coernas_moo.export.source.text import WIDTH, docstring, exploded, in_docstring
from coernas_moo.export.torch_run import answers_of

_USAGE_TRAINED = """\
    network = load()  # trained weights, from {weights} beside this file
    probabilities = network(normalise(images)).softmax(dim=1)"""

_USAGE_UNTRAINED = """\
    network = Network()  # not trained: its weights are random
    logits = network(normalise(images))"""

_NORMALISE = '''\
def normalise(images: Tensor) -> Tensor:
    """Images (n, {shape}) with values in [0, 1] as the network takes them."""
    mean = images.new_tensor(MEAN).view(-1, 1, 1)
    std = images.new_tensor(STD).view(-1, 1, 1)
    return (images - mean) / std'''

_LOAD = '''\
def load(weights: Path = Path(__file__).with_name({weights!r})) -> Network:
    """The trained network, ready for inference."""
    network = Network()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()'''


@register_format(".py", "Python module")
def python_file(model: Model, name: str) -> Artifact:
    """The model as a Python module and, where it is trained, its weights; raises `ExportError` where it cannot be."""
    text = python_source(model, name)
    module = _imported(text, name)
    network: nn.Module = module.Network()
    network.load_state_dict(_carried_over(model.module.state_dict(), network))
    files = {name: text.encode()}
    if model.description.trained:
        weights = io.BytesIO()
        # Contiguous copies: a checkpoint that was sliced out of larger tensors would carry those along.
        torch.save({key: value.clone() for key, value in network.state_dict().items()}, weights)
        files = {_weights_name(name): weights.getvalue(), **files}
        network = _read_back(files, name)
    return Artifact(files, answers_of(network.eval()))


def python_source(model: Model, name: str) -> str:
    """The text of the module; `name` is that of its file.

    Raises:
        ExportError: the network has no plan, or a layer that cannot be written.
    """
    if model.plan is None:
        raise ExportError(
            f"{model.description.genotype}: only networks of this package can be written as Python; use .onnx or .pt2"
        )
    description = model.description
    source = network_source(model.plan, docstring(_said_of_network(description)))
    parts = [_constants(description), *source.classes, _NORMALISE.format(shape=_sides(description))]
    if description.trained:
        parts.append(_LOAD.format(weights=_weights_name(name)))
    return f"{_head(description, name)}\n\n{_imports(source, description.trained)}\n\n" + "\n\n\n".join(parts) + "\n"


def _head(description: Description, name: str) -> str:
    first = (
        f"{description.name}: a classifier of {description.shape} images into {len(description.classes)} classes."
        f"\n\n{description.genotype}"
        f"\n\n{description.params:,} parameters, {description.macs or 0:,} multiply-accumulate operations an image. "
        f"Written by {description.written_by}; needs torch only."
    )
    usage = _USAGE_TRAINED if description.trained else _USAGE_UNTRAINED
    pixels = "\n".join(textwrap.wrap(f"An image file becomes an input so: {description.preprocessing}.", WIDTH))
    text = docstring(first).removesuffix('"""').rstrip()
    weights = in_docstring(_weights_name(name))
    return f'{text}\n\n{usage.format(weights=weights)}\n\n{pixels}\n"""'


def _said_of_network(description: Description) -> str:
    return f"Normalised images (n, {_sides(description)}) to logits (n, {len(description.classes)})."


def _sides(description: Description) -> str:
    return ", ".join(map(str, description.shape))


def _imports(source: NetworkSource, trained: bool) -> str:
    standard = [*source.imports, *(["from pathlib import Path"] if trained else [])]
    torch_ = ["import torch"] if trained or source.uses("torch") else []
    functional = ["import torch.nn.functional as F"] if source.uses("F") else []
    groups = ["from __future__ import annotations"], standard, [*torch_, *functional, "from torch import Tensor, nn"]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _constants(description: Description) -> str:
    return "\n".join(
        [
            f"CLASSES = {_tuple(description.classes)}",
            f"MEAN = {_tuple(description.mean)}",
            f"STD = {_tuple(description.std)}",
        ]
    )


def _tuple(values: Sequence[object]) -> str:
    """A tuple as source, one value a line where it is long."""
    texts = [json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value) for value in values]
    line = f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return line if len(line) <= WIDTH - 16 else exploded("", texts)


def _imported(text: str, name: str) -> ModuleType:
    """The module that the text makes, without a trace in `sys.modules`."""
    module = ModuleType(Path(name).stem)
    module.__file__ = name
    exec(compile(text, name, "exec"), vars(module))
    return module


def _carried_over(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights under the names of `network`, which registers them in the same order."""
    own = network.state_dict()
    if [tensor.shape for tensor in state.values()] != [tensor.shape for tensor in own.values()]:
        raise ExportError("the network that was written as Python has other weights; export to .onnx or .pt2 instead")
    return dict(zip(own, state.values(), strict=True))


def _read_back(files: Mapping[str, bytes], name: str) -> nn.Module:
    """The trained network as a user gets it: the files in a folder, imported and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        for each, content in files.items():
            Path(folder, each).write_bytes(content)
        network: nn.Module = _imported(files[name].decode(), str(Path(folder, name))).load()
    return network


def _weights_name(name: str) -> str:
    return Path(name).with_suffix(".pt").name
