"""The publication's tables 6 and 7, to stand beside what is measured here on other images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Published(NamedTuple):
    """COER-NAS's own row: parameters in millions, milliseconds on a GPU, per cent (weighted averages), seconds."""

    params_m: float
    latency_ms: float
    accuracy: float
    f1: float
    recall: float
    search_seconds: int

    def __str__(self) -> str:
        return (
            f"{self.params_m} M parameters, {self.latency_ms} ms, accuracy {self.accuracy} %, F1 {self.f1} %, recall "
            f"{self.recall} %, search {self.search_seconds} s"
        )


WELDS = Published(10.96, 0.41, 97.22, 97.21, 97.22, 228)
"""COER-NAS 2026, table 6: weld-defect images of its own, not published."""

APTOS = Published(13.83, 0.46, 81.94, 81.32, 81.94, 559)
"""COER-NAS 2026, table 7: APTOS-2019."""

RIVALS: Mapping[str, str | None] = {
    "PVT-Small": None,
    "CoAtNet-0": "timm:coatnet_0_224",
    "EfficientFormer-L3": "timm:efficientformer_l3",
    "MobileViTv2-200": "timm:mobilevitv2_200",
    "ConvNeXtV2-Tiny": "timm:convnextv2_tiny",
    "PVTv2-B2": "timm:pvt_v2_b2",
    "InceptionNeXt-T": "timm:inception_next_tiny",
    "EfficientViM-M4": "timm:efficientvim_m4",
    "MAViT-S": None,
    "EBNAS": None,
    "MSTF-NAS": None,
    "PO-NAS": None,
}
"""What the publication compares with, and what `--model` takes for it; None where timm has no such network."""
