"""PT2: torch's own exported program, loaded by `torch.export.load` without any of this package's code."""

from __future__ import annotations

import io

import msgspec
import torch

from coernas_moo.export.formats import Artifact, register_format
from coernas_moo.export.graph import example_images, quiet
from coernas_moo.export.model import Model
from coernas_moo.export.torch_run import answers_of

DESCRIPTION = "description.json"
"""Name of the extra file that holds the description."""


@register_format(".pt2", "torch.export program")
def pt2_file(model: Model, name: str) -> Artifact:
    """The model as a PT2 archive: normalised images (n, c, h, w), any n, to logits."""
    images, dynamic = example_images(model.description.shape)
    file = io.BytesIO()
    with quiet():
        program = torch.export.export(model.module.eval(), (images,), dynamic_shapes=(dynamic,))
        description = msgspec.json.encode(model.description).decode()
        torch.export.save(program, file, extra_files={DESCRIPTION: description})
        content = file.getvalue()
        loaded = torch.export.load(io.BytesIO(content))
    return Artifact({name: content}, answers_of(loaded.module()))
