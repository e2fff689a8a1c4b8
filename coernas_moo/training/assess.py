"""`metrics.json`: how good a trained network is on the untouched test part, and what it costs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from coernas_moo.documents import read_json
from coernas_moo.errors import ModelError
from coernas_moo.files import write_atomically
from coernas_moo.networks.layers import Shape
from coernas_moo.networks.memory import channels_last
from coernas_moo.networks.plan import NetworkPlan
from coernas_moo.objectives.latency import measure_latency
from coernas_moo.training import metrics
from coernas_moo.training.data import Part, TrainingData
from coernas_moo.training.inference import predict
from coernas_moo.training.loop import Trained
from coernas_moo.training.spec import METRICS, ModelSpec

PREDICTIONS = "predictions.csv"


class ClassMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One class: its images in the part, and how well it is told."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float


class PartMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Measures on one part of the images.

    Args:
        images: number of them.
        accuracy, precision_weighted, recall_weighted, f1_weighted, precision_macro, recall_macro, f1_macro: shares;
            `weighted` averages over classes by their number of images, `macro` counts classes alike.
        kappa: Cohen's, with quadratic weights, where the classes are ordinal.
        ece: expected calibration error, 15 bins.
        loss: mean cross-entropy, without label smoothing.
        intervals: 95 % bootstrap intervals of the shares, of `ece`, and of kappa.
        per_class: in the order of the classes.
        confusion: rows are true classes, columns predicted ones.
    """

    images: int
    accuracy: float
    precision_weighted: float
    recall_weighted: float
    f1_weighted: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    ece: float
    loss: float
    intervals: dict[str, tuple[float, float]]
    per_class: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    kappa: float | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a trained network.

    Args:
        name: of the model.
        network: its genotype, or the baseline's name.
        problem: name of the problem.
        seed: of the training.
        test: measures on the part that was not touched before.
        validation: measures on the part that chose the epoch; None without one.
        train_images, validation_images, test_images: sizes of the parts.
        params: trainable parameters.
        macs: multiply-accumulate operations for one image.
        latency_ms, latency_iqr_ms: of one image with one thread, measured: median and interquartile range.
        device: that latency was measured on.
        epochs: trained.
        best_epoch: whose weights are judged.
        training_seconds: of training, over all resumptions.
        search_seconds: of the search that found the network; None for a baseline.
        images_per_second: of training, over all resumptions.
        loading_share: of the time of training steps, what it took to make the batches.
        peak_memory_mb: while training; None where it cannot be known.
        threads: torch threads while training.
        trained_on: `cpu` or the GPU.
    """

    name: str
    network: str
    problem: str
    seed: int
    test: PartMetrics
    validation: PartMetrics | None
    train_images: int
    validation_images: int
    test_images: int
    params: int
    macs: int
    latency_ms: float
    latency_iqr_ms: float
    device: str
    epochs: int
    best_epoch: int
    training_seconds: float
    search_seconds: float | None
    images_per_second: float
    loading_share: float
    peak_memory_mb: float | None
    threads: int
    trained_on: str


def judge(scores: Tensor, part: Part, classes: Sequence[str], ordinal: bool) -> PartMetrics:
    """Measures of class scores (n, classes) on a part."""
    probabilities = scores.double().softmax(dim=1).numpy()
    labels = part.labels.numpy()
    confusion = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), len(classes))
    of_class = metrics.class_scores(confusion)
    shares = {name: float(value) for name, value in metrics.summary(confusion).items()}
    return PartMetrics(
        images=len(part),
        **shares,
        kappa=float(metrics.quadratic_kappa(confusion)) if ordinal else None,
        ece=metrics.expected_calibration_error(probabilities, labels),
        loss=float(nn.functional.cross_entropy(scores.double(), part.labels)),
        intervals=metrics.intervals(confusion, ordinal=ordinal)
        | {"ece": metrics.calibration_interval(probabilities, labels)},
        per_class=tuple(
            ClassMetrics(
                name=name,
                images=int(of_class.support[number]),
                precision=float(of_class.precision[number]),
                recall=float(of_class.recall[number]),
                f1=float(of_class.f1[number]),
            )
            for number, name in enumerate(classes)
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def assess(spec: ModelSpec, trained: Trained, data: TrainingData, plan: NetworkPlan | None) -> tuple[Metrics, str]:
    """The measures of a trained network, and the test part's predictions as a CSV file's text."""
    scores = predict(trained.module, data, data.test)
    validation = predict(trained.module, data, data.validation)
    latency = measure_latency(trained.module, data.shape)
    shape = data.shape
    found = Metrics(
        name=spec.name,
        network=spec.network_text,
        problem=spec.problem,
        seed=spec.seed,
        test=judge(scores, data.test, data.classes, data.ordinal),
        validation=judge(validation, data.validation, data.classes, data.ordinal) if len(data.validation) else None,
        train_images=len(data.train),
        validation_images=len(data.validation),
        test_images=len(data.test),
        params=sum(parameter.numel() for parameter in trained.module.parameters()),
        macs=plan.macs() if plan is not None else counted_macs(trained.module, shape),
        latency_ms=latency.median_ms,
        latency_iqr_ms=latency.iqr_ms,
        device=latency.device,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        training_seconds=trained.seconds,
        search_seconds=spec.search_seconds,
        images_per_second=trained.images_per_second,
        loading_share=trained.loading_share,
        peak_memory_mb=trained.peak_megabytes,
        threads=trained.threads,
        trained_on=trained.device,
    )
    return found, predictions_csv(scores, data.test, data.classes)


def counted_macs(module: nn.Module, shape: Shape) -> int:
    """MACs of any module for one image, counted while it runs."""
    counter = FlopCounterMode(display=False)
    # Torch counts nothing for its fused attention on a CPU; written out as matrix products, attention is counted.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        module.eval()(channels_last(torch.zeros(1, *shape)))
    return int(counter.get_total_flops()) // 2


def predictions_csv(scores: Tensor, part: Part, classes: Sequence[str]) -> str:
    """One row an image: name, true class, predicted class, its probability, then the probability of every class."""
    probabilities = scores.double().softmax(dim=1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "class", "predicted", "confidence", *(f"p({name})" for name in classes)])
    for name, label, row in zip(part.names, part.labels.tolist(), probabilities, strict=True):
        best = int(row.argmax())
        shares = [f"{value:.6f}" for value in row.tolist()]
        writer.writerow([name, classes[label], classes[best], shares[best], *shares])
    return text.getvalue()


def write_metrics(found: Metrics, directory: Path) -> None:
    """Write `metrics.json`; numbers that JSON cannot hold become null. Raises `RunError`."""
    write_atomically(directory / METRICS, msgspec.json.format(msgspec.json.encode(found), indent=1))


def read_metrics(directory: str | Path) -> Metrics:
    """Read `metrics.json`.

    Raises:
        ModelError: it is missing (the training is not over), or not what `write_metrics` writes.
    """
    path = Path(directory) / METRICS
    return read_json(
        path,
        Metrics,
        "the measures of a model",
        "remove it and train again",
        missing=f"{directory}: no {METRICS}, so the training is not over; go on with: coernas train",
        error=ModelError,
    )


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one value).

    Example:
        >>> mean_and_deviation([1.0, 3.0])
        (2.0, 1.4142135623730951)
    """
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
