"""The regression on bags of words: equal to scikit-learn's own pipeline, kept with the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from hpo.data.baseline import C, fit_baseline, read_baseline
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.vocabulary import as_seen, coverage
from tests.support.trial_requests import write_corpus


def texts_of(corpus: Corpus, name: str) -> list[str]:
    """The texts without what is no word."""
    part = corpus.part(name)
    words = [as_seen(part, row, corpus.vocab).split() for row in range(len(part))]
    return [" ".join(word for word in text if int(word.removeprefix("word")) >= 9) for text in words]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_scikit_learns(tmp_path: Path, n_classes: int) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus", n_classes=n_classes))
    bags = TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True)
    regression = LogisticRegression(C=C, max_iter=1000, tol=1e-8)
    regression.fit(bags.fit_transform(texts_of(corpus, "train")), corpus.train.labels)
    wanted = regression.predict_proba(bags.transform(texts_of(corpus, "valid")))
    fitted = fit_baseline(corpus.train, n_vocab=len(corpus.vocab), n_classes=n_classes)
    np.testing.assert_allclose(fitted.probabilities(corpus.valid), wanted, atol=1e-2)
    fitted.save(tmp_path)
    again = read_baseline(tmp_path)
    assert again is not None
    np.testing.assert_allclose(again.probabilities(corpus.valid), fitted.probabilities(corpus.valid), atol=1e-5)


def test_data_prepared_without_it_has_none(tmp_path: Path) -> None:
    corpus = open_corpus(write_corpus(tmp_path / "corpus"))
    assert read_baseline(corpus.folder) is None
    assert corpus.baseline == {}


def test_coverage_is_the_share_of_known_words(tmp_path: Path) -> None:
    part = open_corpus(write_corpus(tmp_path / "corpus")).valid
    ids = np.asarray(part.ids)
    assert coverage(part) == 1
    unknown = np.where(ids % 2 == 0, 0, ids)
    from dataclasses import replace

    n_known, n_unknown = int((unknown >= 9).sum()), int((unknown == 0).sum())
    assert coverage(replace(part, ids=unknown)) == pytest.approx(n_known / (n_known + n_unknown))
