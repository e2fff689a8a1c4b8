"""Measures of a training that never was."""

from __future__ import annotations

from coernas_moo.training.assess import ClassMetrics, Metrics, PartMetrics


def part(kappa: float | None = None) -> PartMetrics:
    shares = dict.fromkeys(
        ("accuracy", *(f"{m}_{k}" for m in ("precision", "recall", "f1") for k in ("weighted", "macro"))), 0.75
    )
    classes = tuple(
        ClassMetrics(name=name, images=2, precision=1, recall=0.5, f1=0.6)
        for name in ("a", "b with a name that is longer than all")
    )
    intervals = dict.fromkeys((*shares, "ece"), (0.5, 1.0)) | ({} if kappa is None else {"kappa": (0.25, 0.75)})
    return PartMetrics(
        images=4, ece=0.1, loss=0.5, intervals=intervals, per_class=classes,
        confusion=((2, 0), (1, 1)), kappa=kappa, **shares,
    )  # fmt: skip


def metrics(
    seed: int = 0, kappa: float | None = None, *, name: str | None = None, network: str = "conv3:max"
) -> Metrics:
    return Metrics(
        name=name or f"knee-{seed}", network=network, problem="p", seed=seed, test=part(kappa), validation=None,
        train_images=9, validation_images=0, test_images=4, params=1000, macs=5000, latency_ms=0.5,
        latency_iqr_ms=0.1, device="cpu", epochs=2, best_epoch=1, training_seconds=3.0, search_seconds=1.0,
        images_per_second=10.0, loading_share=0.01, peak_memory_mb=None, threads=1, trained_on="cpu",
    )  # fmt: skip
