"""Checkpoints: plain tensors, numbers and texts, written in one step, read without unpickling anything else."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coernas_moo.errors import ModelError
from coernas_moo.files import write_atomically

FORMAT = 1
AGAIN = "remove it and give the command that trained it again"


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Replace `path`; a process killed meanwhile, or a full disk, leaves the one that was there.

    Args:
        path: of the file.
        content: tensors, numbers, texts, None, and lists and dicts of these.

    Raises:
        RunError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; nothing in the file is executed.

    Raises:
        ModelError: the file is missing, cut off, or something else.
    """
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such checkpoint; train the model first, with: coernas train") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; {AGAIN}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(io.BytesIO(written), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ModelError(
            f"{path}: not a checkpoint, or cut off: it holds more than tensors, numbers and texts, and nothing of it "
            f"was executed; {AGAIN}, or take another one"
        ) from None
    # torch raises what its readers meet: RuntimeError, OSError, pickle's errors, KeyError, EOFError, ...; what it says
    # of its archive's innards helps nobody.
    except Exception as error:
        raise ModelError(f"{path}: not a checkpoint, or cut off; {AGAIN}, or take another one") from error
    if (
        not isinstance(content, dict)
        or content.get("format") != FORMAT
        or not isinstance(content.get("state"), dict)
        or not all(isinstance(content.get(key, 0), int) and content.get(key, 0) >= 0 for key in ("epoch", "threads"))
    ):
        raise ModelError(f"{path}: not a checkpoint of coernas train; take a best.pt or last.pt that it wrote")
    return content


def load_weights(module: nn.Module, state: Mapping[str, Tensor], where: Path) -> None:
    """Set a module's weights and buffers.

    Raises:
        ModelError: they are those of another architecture, or not weights.
    """
    require_weights(module, state, where)
    module.load_state_dict(dict(state))


def require_weights(module: nn.Module, state: Mapping[str, Tensor], where: Path) -> None:
    """Check that a module can take weights and buffers.

    Raises:
        ModelError: they are those of another architecture, or not weights.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - state.keys())
    extra = sorted(str(name) for name in state if name not in own)
    other = [name for name in own if name in state and not _like(state[name], own[name])]
    if missing or extra or other:
        name = (other or missing or extra)[0]
        what = "has another shape" if other else "is missing" if missing else "is not part of the network"
        raise ModelError(
            f"{where}: a checkpoint of another architecture: {name} {what}; {AGAIN}, or take this network's own"
        )


def _like(value: object, own: Tensor) -> bool:
    """Whether a value is a dense tensor of the shape of a module's own."""
    if not isinstance(value, Tensor) or value.is_meta:
        return False
    return value.layout == torch.strided and value.shape == own.shape
