"""Measurements: proxies against a tabular benchmark, algorithms against each other, costs of the machinery."""

from coernas_moo.evaluation.tabular import TabularBenchmark

__all__ = ["TabularBenchmark"]
