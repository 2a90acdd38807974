"""Seeded, stratified parts; what the source has split stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hpo.config.schema import Labels
from hpo.data.splits import absent_classes, split_texts
from hpo.data.texts import Texts
from tests.support.data_sources import table

CONFIG = table("x.csv")


def texts(n_rows: dict[str, int], given: list[str] | None = None) -> Texts:
    labels = [label for label, n in n_rows.items() for _ in range(n)]
    return Texts([f"text {i}" for i in range(len(labels))], labels, [str(i) for i in range(len(labels))], given)


def shares(found: Texts, rows: np.ndarray) -> Counter[str]:
    return Counter(found.labels[row] for row in rows)


def test_parts_are_stratified_and_share_out_every_row() -> None:
    found = texts({"a": 50, "b": 100})
    parts = split_texts(found, CONFIG)
    assert sorted(row for rows in parts.values() for row in rows) == list(range(150))
    assert {name: shares(found, rows) for name, rows in parts.items()} == {
        "train": {"a": 30, "b": 60},
        "valid": {"a": 10, "b": 20},
        "test": {"a": 10, "b": 20},
    }


def test_the_seed_alone_decides() -> None:
    found = texts({"a": 50, "b": 50})
    first, again, other = (split_texts(found, replace(CONFIG, split_seed=seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["valid"], other["valid"])


def test_given_parts_stay_and_missing_ones_are_cut_from_train() -> None:
    found = texts({"a": 50, "b": 50}, (["train"] * 40 + ["test"] * 10) * 2)
    parts = split_texts(found, CONFIG)
    assert parts["test"].tolist() == [*range(40, 50), *range(90, 100)]
    assert (len(parts["train"]), len(parts["valid"])) == (64, 16)
    found = texts({"a": 50, "b": 50}, (["train"] * 30 + ["valid"] * 10 + ["test"] * 10) * 2)
    assert [len(rows) for rows in split_texts(found, CONFIG).values()] == [60, 20, 20]


def test_train_fraction_keeps_a_stratified_share_of_train_only() -> None:
    found = texts({"a": 50, "b": 100})
    whole, half = split_texts(found, CONFIG), split_texts(found, replace(CONFIG, train_fraction=0.5))
    assert shares(found, half["train"]) == {"a": 15, "b": 30}
    assert set(half["train"]) < set(whole["train"])
    assert all(np.array_equal(whole[name], half[name]) for name in ("valid", "test"))


@pytest.mark.parametrize(
    ("n_rows", "settings", "sentence"),
    [
        ({"a": 50, "b": 2}, {}, r"^data\.test=0\.2 cannot be cut from 52 texts of 2 classes .*'b', has 2"),
        ({"a": 2, "b": 2}, {}, r"data\.test=0\.2 cannot be cut from 4 texts"),
        ({"a": 50, "b": 50}, {"train_fraction": 0.01}, r"^data\.train_fraction=0\.01 cannot be cut from 60"),
        ({"a": 9, "b": 9}, {"valid": 0.0}, r"^data\.valid=0\.0 is no fraction"),
        ({"a": 9, "b": 9}, {"test": 1.0}, r"^data\.test=1\.0 is no fraction"),
        ({"a": 9, "b": 9}, {"valid": 0.5, "test": 0.5}, r"^data\.valid=0\.5 and data\.test=0\.5 leave nothing"),
        ({"a": 9, "b": 9}, {"train_fraction": 0.0}, r"^data\.train_fraction=0\.0 is not above 0"),
        ({"a": 9, "b": 9}, {"train_fraction": 1.5}, r"^data\.train_fraction=1\.5 is not above 0"),
    ],
)
def test_refusals(n_rows: dict[str, int], settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        split_texts(texts(n_rows), table("x.csv", **settings))


def test_small_classes_stay_in_train_where_that_is_asked_for() -> None:
    given = ["train"] * 101 + ["test"] * 20
    found = replace(texts({"a": 121}, given), labels=[*["a"] * 50, *["b"] * 50, "c", *["a"] * 10, *["b"] * 9, "c"])
    with pytest.raises(
        ValueError, match=r"or give data\.labels=clean, which leaves small classes to the train part\.$"
    ):
        split_texts(found, replace(CONFIG, valid=0.1))
    parts = split_texts(found, replace(CONFIG, valid=0.1, labels=Labels.clean))
    assert shares(found, parts["train"]) == {"a": 45, "b": 45, "c": 1}
    assert shares(found, parts["valid"]) == {"a": 5, "b": 5}
    said = "The valid part has no text of class 'c': what is measured there says nothing of them."
    assert list(absent_classes(parts, found.labels)) == [said]


def test_a_class_that_is_never_trained_on_is_refused() -> None:
    given = ["train"] * 20 + ["test"] * 20
    with pytest.raises(ValueError, match="the test part has class 'c', the train part has not"):
        split_texts(texts({"a": 10, "b": 10, "c": 20}, given), CONFIG)
    with pytest.raises(ValueError, match=r"^data=small has no text in its train part"):
        split_texts(texts({"a": 10, "b": 10}, ["test"] * 20), CONFIG)


@pytest.mark.parametrize("share", [0.1, 0.15, 0.3, 0.5])
def test_groups_stay_together_and_classes_in_proportion(share: float) -> None:
    found = texts({"a": 100, "b": 200})
    grouped = replace(found, groups=[str(i % 30) for i in range(300)])
    parts = split_texts(grouped, replace(CONFIG, test=share, valid=0.1))
    members = {name: {str(i % 30) for i in rows} for name, rows in parts.items()}
    assert not members["train"] & members["valid"]
    assert not (members["train"] | members["valid"]) & members["test"]
    assert abs(len(parts["test"]) / 300 - share) < 0.04
    assert abs(shares(found, parts["test"])["a"] / len(parts["test"]) - 1 / 3) < 0.1
    again = split_texts(grouped, replace(CONFIG, test=share, valid=0.1))
    assert all(np.array_equal(parts[name], again[name]) for name in parts)


def test_too_few_groups_and_groups_across_given_parts_are_refused() -> None:
    found = texts({"a": 50, "b": 50})
    with pytest.raises(ValueError, match=r"^data\.test=0\.2 cannot be cut .* every group of data\.group_column is"):
        split_texts(replace(found, groups=["x"] * 100), CONFIG)
    with pytest.raises(ValueError, match=r"^data\.group_column has 'x' in train and in test; a group is of one part"):
        split_texts(replace(found, groups=["x"] * 100, given=["train", "test"] * 50), CONFIG)
