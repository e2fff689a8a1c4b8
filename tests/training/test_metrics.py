"""Measures against scikit-learn and against slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from coernas_moo.training.metrics import (
    accuracy,
    calibration_interval,
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    intervals,
    quadratic_kappa,
    reliability,
    summary,
)

CLASSES = 4
answers = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40)


def split(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    labels, predicted = zip(*pairs, strict=True)
    return np.array(labels), np.array(predicted)


@given(answers)
def test_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = split(pairs)
    confusion = confusion_matrix(labels, predicted, CLASSES)
    every = list(range(CLASSES))
    assert np.array_equal(confusion, reference.confusion_matrix(labels, predicted, labels=every))
    found = summary(confusion)
    assert math.isclose(found["accuracy"], reference.accuracy_score(labels, predicted))
    for kind in ("weighted", "macro"):
        expected = reference.precision_recall_fscore_support(labels, predicted, average=kind, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert math.isclose(found[f"{name}_{kind}"], value, abs_tol=1e-12), (name, kind)
    expected = reference.precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    scores = class_scores(confusion)
    for ours, theirs in zip((scores.precision, scores.recall, scores.f1, scores.support), expected, strict=True):
        assert np.allclose(ours, theirs)


@given(answers)
def test_kappa_is_one_minus_observed_over_expected_disagreement(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = split(pairs)
    n = len(labels)
    observed = sum((i - j) ** 2 for i, j in zip(labels, predicted, strict=True)) / n
    chance = sum((i - j) ** 2 for i in labels for j in predicted) / n**2
    expected = 1.0 if chance == 0 else 1 - observed / chance
    assert math.isclose(quadratic_kappa(confusion_matrix(labels, predicted, CLASSES)), expected, abs_tol=1e-9)


def test_kappa_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    predicted[:120] = labels[:120]
    expected = reference.cohen_kappa_score(labels, predicted, weights="quadratic")
    assert math.isclose(quadratic_kappa(confusion_matrix(labels, predicted, 5)), expected)


@given(st.lists(st.tuples(st.floats(0.34, 1), st.integers(0, 2)), min_size=1, max_size=50), st.integers(1, 20))
def test_calibration_against_a_loop_over_bins(rows: list[tuple[float, int]], bins: int) -> None:
    confidences = [confidence for confidence, _ in rows]
    probabilities = np.array([[c, (1 - c) / 2, (1 - c) / 2] for c in confidences])
    labels = np.array([label for _, label in rows])
    highest = probabilities.max(axis=1)
    expected = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            position
            for position, value in enumerate(highest)
            if math.ceil(value * bins) - 1 == number and low - 1e-9 <= value <= high + 1e-9
        ]
        if inside:
            hits = np.mean([probabilities[i].argmax() == labels[i] for i in inside])
            expected += len(inside) / len(rows) * abs(hits - np.mean([highest[i] for i in inside]))
    assert math.isclose(expected_calibration_error(probabilities, labels, bins), expected, abs_tol=1e-9)
    found = reliability(highest, probabilities.argmax(axis=1) == labels, bins)
    gaps = found.images / len(rows) * np.abs(found.right - found.confidence)
    assert found.images.sum() == len(rows)
    assert math.isclose(gaps.sum(), expected, abs_tol=1e-9)


@pytest.mark.parametrize(("error", "often"), [(0.0, 50), (0.02, 82), (0.1, 80)])
def test_the_interval_of_calibration_holds_the_truth_about_as_often_as_it_says(error: float, often: int) -> None:
    """Answers that are too sure by a known amount."""
    rng = np.random.default_rng(5)
    covered = 0
    for number in range(100):
        confidence = rng.uniform(0.7, 1.0, 400)
        labels = (rng.random(400) > confidence - error).astype(np.int64)
        probabilities = np.stack([confidence, 1 - confidence], axis=1)
        low, high = calibration_interval(probabilities, labels, resamples=300, seed=number)
        assert 0 <= low <= high <= 1
        covered += low <= error <= high
    assert covered >= often


def test_the_interval_of_calibration_follows_the_seed() -> None:
    rng = np.random.default_rng(6)
    probabilities = rng.dirichlet([0.5, 0.5, 0.5], 200)
    labels = rng.integers(0, 3, 200)
    assert calibration_interval(probabilities, labels, seed=1) == calibration_interval(probabilities, labels, seed=1)
    assert calibration_interval(probabilities, labels, seed=1) != calibration_interval(probabilities, labels, seed=2)


def test_leading_dimensions_are_kept() -> None:
    rng = np.random.default_rng(1)
    stack = rng.integers(0, 9, (5, 3, 3))
    for name, values in (summary(stack) | {"kappa": quadratic_kappa(stack), "acc": accuracy(stack)}).items():
        alone = [(summary(one) | {"kappa": quadratic_kappa(one), "acc": accuracy(one)})[name] for one in stack]
        assert np.allclose(values, alone), name


def test_intervals_are_those_of_drawing_images() -> None:
    """The multinomial shortcut against a bootstrap that draws images one by one."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 80)
    predicted = np.where(rng.random(80) < 0.8, labels, rng.integers(0, 3, 80))
    confusion = confusion_matrix(labels, predicted, 3)
    found = intervals(confusion, ordinal=True, resamples=4000)
    drawn: dict[str, list[float]] = {"accuracy": [], "f1_macro": [], "kappa": []}
    for _ in range(1500):
        rows = rng.integers(0, 80, 80)
        one = confusion_matrix(labels[rows], predicted[rows], 3)
        drawn["accuracy"].append(float(accuracy(one)))
        drawn["f1_macro"].append(float(summary(one)["f1_macro"]))
        drawn["kappa"].append(float(quadratic_kappa(one)))
    for name, values in drawn.items():
        assert found[name] == pytest.approx(np.percentile(values, (2.5, 97.5)), abs=0.02), name


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for number in range(200):
        hits = rng.binomial(100, 0.8)
        low, high = intervals(np.array([[hits, 100 - hits], [0, 0]]), resamples=500, seed=number)["accuracy"]
        covered += low <= 0.8 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_intervals_follow_the_seed_and_kappa_needs_order() -> None:
    confusion = np.array([[9, 1], [2, 8]])
    assert intervals(confusion, seed=1) == intervals(confusion, seed=1)
    assert intervals(confusion, seed=1) != intervals(confusion, seed=2)
    assert "kappa" not in intervals(confusion)
