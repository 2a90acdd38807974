"""The linear model of words and word pairs: scikit-learn's regressions on its tf-idf, chosen without the test part."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from hpo.config.metric import KNOWN
from hpo.config.schema import LinearBaseline
from hpo.data import baseline as module
from hpo.data.bags import find_bags
from hpo.data.baseline import BAYES, fit_baseline
from hpo.data.corpus import Corpus, open_corpus, prepare
from hpo.data.vocabulary import Part, as_seen, coverage
from tests.support.data_sources import reviews, table, write_tsv
from tests.support.trial_requests import write_corpus

N_SPECIAL = 3  # codes of the corpora below that are no words


def is_word(n_codes: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.arange(n_codes) >= N_SPECIAL


def parts_of(corpus: Corpus) -> dict[str, Part]:
    return {name: corpus.part(name) for name in ("train", "valid", "test")}


def texts_of(corpus: Corpus, name: str) -> list[str]:
    """The texts without what is no word."""
    part = corpus.part(name)
    words = [as_seen(part, row, corpus.vocab).split() for row in range(len(part))]
    return [" ".join(word for word in text if int(word.removeprefix("word")) >= N_SPECIAL) for text in words]


def ordered(labels: list[int], *, seed: int) -> Part:
    """Texts of the same words, whose order alone tells their class."""
    rng = np.random.default_rng(seed)
    texts = [[3, 4, 5] if label else [4, 3, 5] for label in labels]
    ids = np.concatenate([[*rng.permutation([6, 7, 8]), *text] for text in texts]).astype(np.uint32)
    return Part(ids, np.arange(0, len(ids) + 1, 6), np.array(labels))


def test_its_bags_are_scikit_learns(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    wanted = TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True, ngram_range=(1, 2))
    train = wanted.fit_transform(texts_of(corpus, "train"))
    bags = find_bags(corpus.train, is_word(len(corpus.vocab)))
    for name, theirs in (("train", train), ("valid", wanted.transform(texts_of(corpus, "valid")))):
        ours = bags.of(corpus.part(name))
        assert ours.shape == theirs.shape
        assert ours.indices.dtype == np.int32  # liblinear takes no other
        np.testing.assert_allclose((ours @ ours.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-12)


def test_a_word_that_no_text_of_train_has_counts_nothing() -> None:
    train, other = ordered([0, 1], seed=0), Part(np.array([9, 9, 3], np.uint32), np.array([0, 3]), np.array([0]))
    bags = find_bags(train, is_word(10))
    assert bags.of(other).nnz == 1


def test_the_order_of_words_is_learned() -> None:
    parts = {name: ordered([0, 1] * 30, seed=seed) for seed, name in enumerate(("train", "valid", "test"))}
    found = fit_baseline(parts, is_word(9), n_classes=2)
    assert (found.valid["accuracy"], found.test["accuracy"]) == (1, 1)
    assert found.valid["valid_loss"] < 0.1
    assert fit_baseline(parts, is_word(9), n_classes=2).valid == found.valid


@pytest.mark.parametrize("n_classes", [2, 3])
def test_its_settings_are_chosen_by_folds_or_by_valid(
    tmp_path: Path, n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus", n_classes=n_classes))
    folds = fit_baseline(parts_of(corpus), is_word(len(corpus.vocab)), n_classes=n_classes)
    kinds = r"words and word pairs, naive-Bayes weights \(C=\d+\) and tf-idf \(C=\d+\)"
    assert re.fullmatch(rf"{kinds}, by 3-fold cross-validation", folds.settings)
    assert folds.test["accuracy"] > 1.5 / n_classes
    monkeypatch.setattr(module, "N_SMALL", 10)
    assert re.fullmatch(
        rf"{kinds}, by the valid part",
        fit_baseline(parts_of(corpus), is_word(len(corpus.vocab)), n_classes=n_classes).settings,
    )


def test_it_has_every_metric_that_a_study_can_ask_for(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    labels = np.random.default_rng(0).integers(3, size=len(corpus.test))  # else its scores are all 1
    parts = {**parts_of(corpus), "test": replace(corpus.test, labels=labels)}
    found = fit_baseline(parts, is_word(len(corpus.vocab)), n_classes=3)
    assert {*found.valid} == {*KNOWN} - {"f1"}
    each = [found.about(k) for k in range(3)]
    assert all({*one.valid} == {*KNOWN} for one in each)
    for part in ("valid", "test"):
        whole, of_classes = getattr(found, part), [getattr(one, part) for one in each]
        assert "f1" not in whole
        assert np.mean([one["f1"] for one in of_classes]) == pytest.approx(whole["macro_f1"])
        mean = np.mean([one["average_precision"] for one in of_classes])
        assert mean == pytest.approx(whole["average_precision"])
        assert {one["roc_auc"] for one in of_classes} == {whole["roc_auc"]}
    assert all(len({one.test[metric] for one in each}) == 3 for metric in ("f1", "average_precision"))


def test_a_class_that_a_part_has_not_has_no_score_there(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    parts = parts_of(corpus)
    lacking = replace(parts["test"], labels=np.minimum(np.asarray(parts["test"].labels), 1))
    about = fit_baseline({**parts, "test": lacking}, is_word(len(corpus.vocab)), n_classes=3).about(2)
    assert {"f1", "average_precision"} & {*about.test} == set()
    assert {"f1", "average_precision"} <= {*about.valid}


def test_the_test_part_decides_nothing(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    parts = parts_of(corpus)
    found = fit_baseline(parts, is_word(len(corpus.vocab)), n_classes=3)
    mixed = replace(parts["test"], labels=(np.asarray(parts["test"].labels) + 1) % 3)
    other = fit_baseline({**parts, "test": mixed}, is_word(len(corpus.vocab)), n_classes=3)
    assert (other.settings, other.valid) == (found.settings, found.valid)
    assert other.test["accuracy"] < found.test["accuracy"]


@pytest.mark.parametrize(("n_fits", "said"), [(0, BAYES), (1, "naive-Bayes weights (C=30)")])
def test_what_would_take_long_is_tried_less(
    tmp_path: Path, n_fits: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    bags = find_bags(corpus.train, is_word(len(corpus.vocab))).of(corpus.train)
    monkeypatch.setattr(module, "MAX_WORK", n_fits * bags.nnz * 3)
    found = fit_baseline(parts_of(corpus), is_word(len(corpus.vocab)), n_classes=3)
    assert found.settings == f"words and word pairs, {said}"
    assert found.test["accuracy"] > 0.5


def test_a_class_without_texts_in_train_is_the_least_likely(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    found = fit_baseline(parts_of(corpus), is_word(len(corpus.vocab)), n_classes=4)
    known = fit_baseline(parts_of(corpus), is_word(len(corpus.vocab)), n_classes=3)
    assert found.test["accuracy"] == known.test["accuracy"]


def test_it_reads_whole_texts_whatever_the_networks_read(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "reviews.tsv", reviews(20))
    found = [
        open_corpus(prepare(table(path, cache=str(tmp_path / "cache"), max_tokens=cut, max_vocab=vocab)))
        for cut, vocab in ((None, 1000), (3, 10))
    ]
    assert len(found[1].train.ids) < len(found[0].train.ids)
    assert found[0].baseline.test == found[1].baseline.test


def test_it_is_left_out_where_asked_and_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = table(write_tsv(tmp_path / "reviews.tsv", reviews(20)), cache=str(tmp_path / "cache"))
    fitted = open_corpus(prepare(config))
    without = open_corpus(prepare(replace(config, baseline=LinearBaseline.none)))
    assert without.baseline.settings == "none was asked for (data.baseline=none)"
    assert without.baseline.facts == {}
    assert fitted.baseline.facts["baseline_accuracy"] == fitted.baseline.valid["accuracy"]
    assert without.fingerprint == fitted.fingerprint
    monkeypatch.setattr(module, "MAX_SCORES", 10)
    notes: list[str] = []
    failed = open_corpus(prepare(replace(config, cache=str(tmp_path / "other")), on_note=notes.append))
    said = "24 texts times 2 classes are too many for it"
    assert failed.baseline.settings == f"none, it could not be fitted ({said}); data.baseline=none leaves it out"
    assert notes == [f"baseline: {failed.baseline.settings}."]


def test_coverage_is_the_share_of_known_words(tmp_path: Path) -> None:
    part = open_corpus(write_corpus(tmp_path / "corpus")).valid
    ids = np.asarray(part.ids)
    assert coverage(part) == 1
    unknown = np.where(ids % 2 == 0, 0, ids)
    n_known, n_unknown = int((unknown >= 9).sum()), int((unknown == 0).sum())
    assert coverage(replace(part, ids=unknown)) == pytest.approx(n_known / (n_known + n_unknown))
