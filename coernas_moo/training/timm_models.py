"""Networks of the package timm, which is an optional extra and imported only when one is asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import nn

from coernas_moo.errors import ModelError
from coernas_moo.networks.layers import Shape

PREFIX = "timm:"


def timm_module(name: str, shape: Shape, classes: int) -> nn.Module:
    """The untrained network `timm:NAME` for images of `shape`; nothing is downloaded.

    Raises:
        ModelError: timm is not installed or cannot be imported, has no such model, or the model takes no such images.
    """
    timm: Any = _timm()
    model = name.removeprefix(PREFIX)
    if model not in timm.list_models():
        close = timm.list_models(f"*{model.split('.')[0]}*")[:5]
        hint = f"; did you mean {', '.join(PREFIX + other for other in close)}?" if close else ""
        raise ModelError(f"timm {timm.__version__} has no model {model!r}{hint}")
    sizes: dict[str, Any] = {"in_chans": shape.channels, "num_classes": classes}
    try:
        try:
            # Transformers have to be told the size; convolutional networks do not know the argument.
            module: nn.Module = timm.create_model(
                model, pretrained=False, img_size=(shape.height, shape.width), **sizes
            )
        except TypeError:
            module = timm.create_model(model, pretrained=False, **sizes)
    except Exception as error:
        raise ModelError(
            f"{name} cannot be built for images of {shape}: {type(error).__name__}: {error}; set data.size to a size "
            "it takes"
        ) from error
    return module


def _timm() -> Any:
    if find_spec("timm") is None:
        raise ModelError("timm is not installed; install it with: pip install 'coernas-moo[timm]'")
    try:
        return import_module("timm")
    except Exception as error:
        raise ModelError(f"timm is installed but cannot be imported: {type(error).__name__}: {error}") from error
