"""A network at work: whether it takes the images, what it answers, and how good that is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coernas_moo.errors import ModelError
from coernas_moo.networks.memory import channels_last
from coernas_moo.training import metrics
from coernas_moo.training.data import Part, TrainingData

JUDGED_AT_ONCE = 256


def require_fit(module: nn.Module, data: TrainingData, name: str) -> None:
    """Check that a network takes the data's images and answers with one score a class; its state is left alone.

    Raises:
        ModelError: it does not.
    """
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            scores = module(torch.zeros(2, *data.shape, device=device))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name} cannot take images of {data.shape}: {type(error).__name__}: {reason}; set data.size (and "
            "data.channels) to what it takes"
        ) from error
    finally:
        module.train(training)
    if getattr(scores, "shape", None) != (2, len(data.classes)):
        found = tuple(getattr(scores, "shape", ()))
        raise ModelError(f"{name} answers two images with shape {found}, not with (2, {len(data.classes)}) scores")


def predict(module: nn.Module, data: TrainingData, part: Part) -> Tensor:
    """Class scores (n, classes) of a part, on the CPU; the module is put into eval mode."""
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.eval()
    scores = []
    with torch.no_grad():
        # Nothing, split, is one batch of no images, which networks with attention cannot take.
        for positions in torch.split(torch.arange(len(part)), JUDGED_AT_ONCE) if len(part) else ():
            images = data.normalise(part.images(positions).to(device))
            scores.append(module(channels_last(images)).float().cpu())
    return torch.cat(scores) if scores else torch.empty(0, len(data.classes))


def measures(scores: Tensor, labels: Tensor) -> dict[str, float]:
    """`accuracy`, `f1` (macro), `kappa` (quadratic) and `loss` (cross-entropy) of class scores (n, classes)."""
    confusion = metrics.confusion_matrix(labels.numpy(), scores.argmax(1).numpy(), scores.shape[1])
    return {
        "accuracy": float(metrics.accuracy(confusion)),
        "f1": float(metrics.summary(confusion)["f1_macro"]),
        "kappa": float(metrics.quadratic_kappa(confusion)),
        "loss": float(F.cross_entropy(scores.double(), labels)),
    }
