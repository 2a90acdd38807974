"""What is refused of a metric once the data are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.study.preparation import prepare_corpora
from hpo.terminal.display import Announcer
from tests.support.data_sources import reviews, write_tsv
from tests.support.studies import plan_study


def table(path: Path, *overrides: str) -> None:
    """Prepares a table whose rows have a part, for a study with `overrides`."""
    cache = f"data.cache={path.parent / 'cache'}"
    settings = ("data=table", f"data.path={path}", cache, "data.tokenizer=words", "data.split_column=part")
    prepare_corpora([plan_study(*settings, "tracking=none", *overrides)], Announcer())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """All texts of the valid part are of one class."""
    rows = [(*row, "train") for row in reviews(20)] + [(*row, "test") for row in reviews(3)]
    rows += [("neg", f"Valid {i} is neg.", "valid") for i in range(5)]
    return write_tsv(tmp_path / "t.tsv", rows, header="label\ttext\tpart")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["f1"], r"^study\.metric=f1 is about one class: give study\.positive=CLASS, one of 'neg', 'pos'\.$"),
        (
            ["f1", "study.positive=pso"],
            r"^study\.positive=pso is no class \(did you mean 'pos'\?\); give one of 'neg', 'p",
        ),
        (["accuracy", "study.positive=x"], r"^study\.positive=x is no class; give one of 'neg', 'pos'\.$"),
        (
            ["f1", "study.positive=pos"],
            r"^study\.metric=f1 is not defined on the valid part of data=table: none of its texts is of that class",
        ),
        (
            ["roc_auc"],
            r"^study\.metric=roc_auc is not defined on the valid part of .* all of its texts are of one class;",
        ),
        (["mcc"], r"^study\.metric=mcc is not defined on the valid part"),
        (["average_precision"], r"^study\.metric=average_precision is not defined on the valid part"),
    ],
)
def test_a_metric_that_is_not_defined_is_refused(path: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        table(path, f"study.metric={overrides[0]}", *overrides[1:])


@pytest.mark.parametrize("overrides", [["accuracy"], ["macro_f1"], ["f1", "study.positive=neg"]])
def test_a_metric_that_is_defined_is_taken(path: Path, overrides: list[str]) -> None:
    table(path, f"study.metric={overrides[0]}", *overrides[1:])


def test_a_class_of_texts_is_refused_where_none_are_read() -> None:
    with pytest.raises(
        ValueError, match=r"^study\.positive=spam is a class of texts, which are not read here; leave it"
    ):
        plan_study("trainer=synthetic", "tracking=none", "study.positive=spam")
