"""Divisions of images: nothing lost, nothing twice, classes and groups respected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from coernas_moo.errors import DataError, ProblemFileError
from coernas_moo.training.recipe import Recipe
from coernas_moo.training.splits import Division, divide, group_numbers

Labels = NDArray[np.int64]


def cut(labels: Labels, recipe: Recipe, names: list[str] | None = None, own: list[str] | None = None) -> Division:
    names = names or [f"{number}.png" for number in range(len(labels))]
    classes = [f"c{number}" for number in range(int(labels.max()) + 1)]
    return divide(labels, names, own or ["train"] * len(labels), classes, recipe)


def parts(division: Division) -> list[Labels]:
    return [division.train, division.validation, division.test]


counts = st.lists(st.integers(2, 40), min_size=2, max_size=5)
shares = st.tuples(st.sampled_from([0.0, 0.1, 0.25]), st.sampled_from([0.1, 0.2, 0.5]))


@given(counts, shares, st.integers(0, 3))
def test_every_image_once_and_every_class_in_its_share(sizes: list[int], share: tuple[float, float], seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    division = cut(labels, Recipe(validation_share=share[0], test_share=share[1], split_seed=seed))
    assert sorted(np.concatenate(parts(division)).tolist()) == list(range(len(labels)))
    for number, size in enumerate(sizes):
        in_part = [int((labels[rows] == number).sum()) for rows in parts(division)]
        assert in_part[0] >= 1
        assert in_part[2] >= 1
        if size >= 10:
            assert abs(in_part[2] - share[1] * size) <= 1
            assert abs(in_part[1] - share[0] * size) <= 1
    assert all(np.array_equal(rows, np.sort(rows)) for rows in parts(division))


def test_the_seed_decides() -> None:
    labels = np.repeat([0, 1], 50)
    first, again, other = (cut(labels, Recipe(split_seed=seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(again), strict=True))
    assert not np.array_equal(first.test, other.test)


def test_no_validation_part_is_possible() -> None:
    assert len(cut(np.repeat([0, 1], 10), Recipe(validation_share=0)).validation) == 0


groups_of_class = st.lists(st.lists(st.integers(1, 6), min_size=4, max_size=12), min_size=2, max_size=4)


@given(groups_of_class, st.integers(0, 3))
def test_groups_stay_together(sizes: list[list[int]], seed: int) -> None:
    names, labels = [], []
    for number, groups in enumerate(sizes):
        for group, size in enumerate(groups):
            names += [f"{number}-{group}_{position}" for position in range(size)]
            labels += [number] * size
    division = cut(np.array(labels), Recipe(group_by="^[^_]+", split_seed=seed), names)
    seen = [{names[row].split("_")[0] for row in rows} for rows in parts(division)]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    assert sorted(np.concatenate(parts(division)).tolist()) == list(range(len(labels)))
    for rows in (division.train, division.test):
        assert set(np.array(labels)[rows].tolist()) == set(range(len(sizes)))


def test_groups_of_mixed_classes_meet_the_shares() -> None:
    rng = np.random.default_rng(0)
    patients = [(f"p{number}", rng.choice(5, p=[0.7, 0.1, 0.1, 0.05, 0.05], size=2)) for number in range(300)]
    names = [f"{name}_{eye}" for name, _ in patients for eye in ("left", "right")]
    labels = np.array([grade for _, grades in patients for grade in grades])
    division = cut(labels, Recipe(group_by="^[^_]+"), names)
    for number in range(5):
        total = int((labels == number).sum())
        assert abs((labels[division.test] == number).sum() - 0.2 * total) <= 2
        assert abs((labels[division.validation] == number).sum() - 0.1 * total) <= 2


def test_a_class_of_two_groups_is_in_training_and_test() -> None:
    names = [f"a{number}_x" for number in range(30)] + ["b0_x", "b0_y", "b1_x"]
    labels = np.array([0] * 30 + [1] * 3)
    for seed in range(20):
        division = cut(labels, Recipe(group_by="^[^_]+", split_seed=seed), names)
        assert set(labels[division.train].tolist()) == set(labels[division.test].tolist()) == {0, 1}


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=4, max_size=14), st.integers(0, 9999))
def test_whatever_groups_and_shares_are_every_class_is_trained_on(images: list[tuple[int, int]], seed: int) -> None:
    known = sorted({label for _, label in images})
    labels = np.array([known.index(label) for _, label in images])
    names = [f"{group}_{position}" for position, (group, _) in enumerate(images)]
    recipe = Recipe(group_by="^[^_]+", test_share=0.5, validation_share=0.3, split_seed=seed)
    try:
        division = cut(labels, recipe, names)
    except DataError:
        assert any(len({group for group, label in images if label == each}) < 2 for each in known)
        return
    assert set(labels[division.train].tolist()) == set(range(len(known)))


def test_a_class_that_training_lacks_is_taken_from_where_it_is_alone() -> None:
    labels = np.array([1, 1, 0, 2, 2, 2, 0])
    names = [f"{group}_{position}" for position, group in enumerate([0, 1, 2, 2, 2, 1, 0])]
    recipe = Recipe(group_by="^[^_]+", test_share=0.5, validation_share=0.1, split_seed=4478)
    assert set(labels[cut(labels, recipe, names).train].tolist()) == {0, 1, 2}


def test_a_group_is_the_first_group_of_the_pattern_or_the_whole() -> None:
    names = ["x/17_left.png", "x/17_right.png", "y/18_left.png"]
    assert group_numbers(names, r"/(\d+)_").tolist() == [0, 0, 1]
    assert group_numbers(names, r"^.").tolist() == [0, 0, 1]


def test_splits_of_the_data_are_kept() -> None:
    labels = np.repeat([0, 1], 15)
    own = (["train"] * 9 + ["val"] * 3 + ["test"] * 3) * 2
    division = cut(labels, Recipe(), own=own)
    for rows, name in zip(parts(division), ("train", "val", "test"), strict=True):
        assert [own[row] for row in rows] == [name] * len(rows)
    assert len(division.train) == 18


def test_what_the_data_lacks_is_taken_from_its_training_images() -> None:
    labels = np.repeat([0, 1], 100)
    own = (["train"] * 80 + ["test"] * 20) * 2
    division = cut(labels, Recipe(), own=own)
    assert len(division.test) == 40
    assert len(division.validation) == 16
    assert all(own[row] == "train" for row in division.validation)


def test_groups_torn_by_the_data_s_own_split_are_told() -> None:
    names = ["1_l", "1_r", "2_l", "2_r", "3_l", "4_l"]
    own = ["train", "test", "train", "train", "val", "test"]
    division = cut(np.array([0, 1, 1, 0, 0, 0]), Recipe(group_by="^[^_]+"), names, own)
    assert division.notices[-1].startswith("1 of the groups in the test part")


@pytest.mark.parametrize(("pattern", "told"), [(".*", True), ("^.", False), ("", False)])
def test_a_pattern_that_groups_nothing_is_told(pattern: str, told: bool) -> None:
    names = ["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"]
    division = cut(np.array([0, 0, 0, 0, 1, 1, 1, 1]), Recipe(group_by=pattern), names)
    assert any("'.*' puts every image in a group of its own" in line for line in division.notices) == told


def test_a_part_without_a_class_is_told() -> None:
    division = cut(np.array([0, 0, 1, 1, 0]), Recipe(), own=["train", "train", "train", "train", "test"])
    assert "the test part has no image of 'c1'" in division.notices


@pytest.mark.parametrize(
    ("labels", "names", "pattern", "message"),
    [
        ([0, 0, 0, 1], None, "", "class 'c1' has one image only"),
        ([0, 0, 2, 2], None, "", "class 'c1' has no images"),
        ([0, 0, 1, 1], ["a_1", "b_1", "c_1", "c_2"], "^[^_]+", "all images of class 'c1' are in one group"),
        ([0, 0, 1, 1], ["a_1", "b_1", "c_1", "d"], "^(.)_", "matches nothing in 'd'"),
    ],
)
def test_what_cannot_be_split(labels: list[int], names: list[str] | None, pattern: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        cut(np.array(labels), Recipe(group_by=pattern), names)


def test_a_class_with_one_training_image_is_fine_where_the_test_part_is_the_data_s_own() -> None:
    division = cut(np.array([0, 0, 1, 0, 1]), Recipe(), own=["train", "train", "train", "test", "test"])
    assert 2 in division.train


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ProblemFileError, match=r"validation_share 0\.4 and test_share 0\.6"):
        Recipe(validation_share=0.4, test_share=0.6).check()


def test_groups_are_kept_together_across_the_folders_of_classes() -> None:
    """Both eyes of one patient, graded differently, lie in the folders of two classes."""
    names = [f"{grade}/p{patient}_{eye}.png" for patient in range(30) for grade, eye in ((0, "left"), (1, "right"))]
    labels = np.array([0, 1] * 30)
    division = divide(labels, names, ["train"] * 60, ["0", "1"], Recipe(group_by="^[^_]+"))
    patients = [{names[row].split("/")[1].split("_")[0] for row in rows} for rows in parts(division)]
    assert not patients[2] & (patients[0] | patients[1])
    assert division.notices == ()
    own = [f"{'test' if position % 2 else 'train'}/{name}" for position, name in enumerate(names)]
    splits = [name.split("/")[0] for name in own]
    torn = divide(labels * 0, [name.replace("/1/", "/0/") for name in own], splits, ["0"], Recipe(group_by="^[^_]+"))
    assert "of the groups in the test part are trained on too" in " ".join(torn.notices)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (Recipe(validation_share=0), "so train.select = 'accuracy' does nothing"),
        (Recipe(validation_share=0, select="last", patience=3), "so train.patience = 3 does nothing"),
        (Recipe(validation_share=0, patience=3), "so train.select = 'accuracy' and train.patience = 3 do nothing"),
        (Recipe(validation_share=0, select="last"), ""),
        (Recipe(patience=3), ""),
        (Recipe(select="last"), ""),
        (Recipe(select="last", patience=3), "so train.patience = 3 stops nothing"),
    ],
)
def test_what_takes_a_validation_part_says_so_where_there_is_none(recipe: Recipe, said: str) -> None:
    notices = cut(np.repeat([0, 1], 20), recipe).notices
    assert [said in line for line in notices] == [True] * bool(said)


def test_the_only_image_of_a_class_is_named() -> None:
    with pytest.raises(DataError, match=r"class 'c1' has one image only, '2.png'"):
        cut(np.array([0, 0, 1]), Recipe())
