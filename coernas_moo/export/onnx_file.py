"""ONNX: the graph takes a batch of normalised images of any size and gives logits and probabilities.

Decoding, resizing and normalising stay outside: they depend on image libraries, whose results differ, and a camera's
driver may do them better. The file's metadata says what to do, and `coernas predict` does it as training did.
"""

from __future__ import annotations

from torch import Tensor, nn

from coernas_moo.export.extra import require
from coernas_moo.export.formats import Answer, Artifact, Batch, register_format
from coernas_moo.export.graph import example_images, quiet
from coernas_moo.export.model import Model
from coernas_moo.export.session import INPUT, LOGITS, PROBABILITIES, Session


class WithProbabilities(nn.Module):
    """Logits and probabilities of a network, as the graph gives them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.network(images)
        return logits, logits.softmax(dim=1)


@register_format(".onnx", "ONNX graph")
def onnx_file(model: Model, name: str) -> Artifact:
    """The model as an ONNX file; raises `ExportError` where packages are missing."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require(package, "to export ONNX files")
    import torch
    from onnxscript import optimizer

    images, dynamic = example_images(model.description.shape)
    with quiet():
        program = torch.onnx.export(
            WithProbabilities(model.module).eval(),
            (images,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[LOGITS, PROBABILITIES],
            dynamic_shapes={INPUT: dynamic},
            # Its rewriting drops constants below 1e-8 as if they were zero, and with them what keeps roots finite.
            # Folding constants alone is exact, and lets runtimes merge what they merge anyway.
            optimize=False,
            verbose=False,
        )
        assert program is not None  # with dynamo, always
        optimizer.fold_constants(program.model)
        optimizer.remove_unused_nodes(program.model)
    program.model.metadata_props.update(model.description.to_metadata())
    content = program.model_proto.SerializeToString()
    session = Session(content, name, threads=1)

    def run(images: Batch) -> Answer:
        return Answer(*session.run(images))

    return Artifact({name: content}, run)
