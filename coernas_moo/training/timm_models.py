"""Networks of the package timm, which is an optional extra and imported only when one is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import torch
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
        raise ModelError(f"timm {timm.__version__} has no model {model!r}{_meant(timm, model)}")
    sizes: dict[str, Any] = {"in_chans": shape.channels, "num_classes": classes}
    try:
        try:
            # Transformers have to be told the size; convolutional networks do not know the argument.
            module: nn.Module = timm.create_model(
                model, pretrained=False, img_size=(shape.height, shape.width), **sizes
            )
        except TypeError:
            module = timm.create_model(model, pretrained=False, **sizes)
        # Some that do not know it are made for one size all the same.
        with torch.no_grad():
            module.eval()(torch.zeros(1, *shape))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name} cannot take images of {shape}: {type(error).__name__}: {reason}; set data.size to a size it takes"
            f"{_own_size(timm, model)}"
        ) from error
    return module.train()


def timm_version(baseline: str) -> dict[str, str]:
    """Of timm, where a baseline is one of its networks, whose names and layers change with it; else nothing.

    Example:
        >>> timm_version("plain-cnn")
        {}
    """
    try:
        return {"timm": version("timm")} if baseline.startswith(PREFIX) else {}
    except PackageNotFoundError:
        return {}


def _meant(timm: Any, model: str) -> str:
    # What stands behind a point names weights, of which none are taken.
    known, names = model.split(".")[0], timm.list_models()
    close = [known] if known in names else timm.list_models(f"*{known}*")[:5] or get_close_matches(known, names)
    return f"; did you mean {', '.join(PREFIX + other for other in close)}?" if close else ""


def _own_size(timm: Any, model: str) -> str:
    """The size of the images that timm has the network for, where it says so."""
    size = getattr(timm.get_pretrained_cfg(model), "input_size", None)
    return f", such as timm's own {size[1]}x{size[2]}" if size else ""


def _timm() -> Any:
    if find_spec("timm") is None:
        raise ModelError("timm is not installed; install it with: pip install 'coernas-moo[timm]'")
    try:
        return import_module("timm")
    except Exception as error:
        raise ModelError(f"timm is installed but cannot be imported: {type(error).__name__}: {error}") from error
