"""Names that NAS-Bench-201's table gives to what was measured."""

from __future__ import annotations

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
